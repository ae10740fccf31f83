import type { Environment, EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";

/** Three zones with a data node and a Sentinel each; nothing of it is ever started. */
export const threeZones = {
  a: { nodes: [{ name: "redis-a", port: 6901, sentinelPort: 26901 }] },
  b: { nodes: [{ name: "redis-b", port: 6902, sentinelPort: 26902 }] },
  c: { nodes: [{ name: "redis-c", port: 6903, sentinelPort: 26903 }] },
} satisfies EnvironmentInput["zones"];

/** A valid environment named `demo` on this computer, with some entries replaced. */
export function anEnvironment(change: Partial<EnvironmentInput> = {}): Environment {
  const input: EnvironmentInput = {
    name: "demo",
    target: { kind: "local" },
    zones: threeZones,
    settings: { maxMemoryMb: 100 },
    ...change,
  };
  return parseEnvironment(input, { computerMemoryMb: 65_536 });
}
