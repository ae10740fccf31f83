import type { EnvironmentInput } from "./environment.ts";

/** Three Debian hosts: those of `npm run lab up`, or any three machines with ssh; see docs/lab.md. */
export const lab: EnvironmentInput = {
  name: "lab",
  target: {
    kind: "ssh",
    user: "admin",
    identityFile: ".lab/default/id_ed25519",
    knownHostsFile: ".lab/default/known_hosts",
  },
  zones: {
    a: { nodes: [{ name: "redis-a", address: "10.77.0.11" }] },
    b: { nodes: [{ name: "redis-b", address: "10.77.0.12" }] },
    c: { nodes: [{ name: "redis-c", address: "10.77.0.13" }] },
  },
  settings: { maxMemoryMb: 100, redisConf: { databases: 20 } },
};
