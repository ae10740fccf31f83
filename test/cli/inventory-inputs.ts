import type { EnvironmentInput } from "../../environments/environment.ts";

/** Environments of which no node ever runs; names with hyphens, which no group of Ansible may have. */

export const hostsInput: EnvironmentInput = {
  name: "hosts-1",
  target: {
    kind: "ssh",
    user: "admin",
    port: 2222,
    identityFile: "keys/id",
    proxyJump: "jump@127.0.0.1:17219",
    // Two spaces: ssh prints two files with one between them.
    knownHostsFile: "keys/known  hosts",
  },
  zones: {
    "rack-a": { nodes: [{ name: "redis-a", address: "127.0.1.10" }] },
    "rack-b": { nodes: [{ name: "redis-b", address: "127.0.2.10", promotable: false }] },
    "rack-c": { nodes: [{ name: "redis-c", address: "127.0.3.10" }] },
  },
  settings: { maxMemoryMb: 100 },
};

/** @param port the first of five that nobody else uses at the same time */
export const pairOn = (port: number): EnvironmentInput => ({
  name: "pair",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port, sentinelPort: port + 2 }] },
    b: { nodes: [{ name: "redis-b", port: port + 1, sentinelPort: port + 3 }] },
    c: { nodes: [{ name: "witness-c", runs: ["sentinel"], sentinelPort: port + 4 }] },
  },
  settings: { maxMemoryMb: 100 },
});
