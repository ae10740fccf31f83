import type { EnvironmentInput } from "./environment.ts";

/**
 * Three Debian hosts, to begin with those of `npm run lab up` (docs/lab.md). For machines of your own, change addresses
 * and target, and leave proxyCommand out: docs/hosts.md.
 */
export const lab: EnvironmentInput = {
  name: "lab",
  target: {
    kind: "ssh",
    user: "admin",
    identityFile: ".lab/default/id_ed25519",
    knownHostsFile: ".lab/default/known_hosts",
    // The lab has a network of its own, which this computer is not in.
    proxyCommand: ".lab/default/way-in %h %p",
  },
  zones: {
    a: { nodes: [{ name: "redis-a", address: "10.77.0.11" }] },
    b: { nodes: [{ name: "redis-b", address: "10.77.0.12" }] },
    c: { nodes: [{ name: "redis-c", address: "10.77.0.13" }] },
  },
  settings: { maxMemoryMb: 100 },
};
