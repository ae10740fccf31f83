import type { EnvironmentInput } from "./environment.ts";

/** The smallest cluster that fails over: one master, one read replica, and a witness that only votes. */
export const localPair: EnvironmentInput = {
  name: "local-pair",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port: 6411, sentinelPort: 26411 }] },
    b: { nodes: [{ name: "redis-b", port: 6412, sentinelPort: 26412 }] },
    c: { nodes: [{ name: "witness-c", runs: ["sentinel"], sentinelPort: 26413 }] },
  },
  settings: { maxMemoryMb: 100 },
};
