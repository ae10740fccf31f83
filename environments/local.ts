import type { EnvironmentInput } from "./environment.ts";

/** One master and two read replicas with a Sentinel each, all on this computer. */
export const local: EnvironmentInput = {
  name: "local",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port: 6401, sentinelPort: 26401 }] },
    b: { nodes: [{ name: "redis-b", port: 6402, sentinelPort: 26402 }] },
    c: { nodes: [{ name: "redis-c", port: 6403, sentinelPort: 26403 }] },
  },
  settings: { maxMemoryMb: 100 },
};
