import type { EnvironmentInput } from "../environments/environment.ts";

/** Ports from here on: the environments are synthesized, never started. */
const FIRST_PORT = 20_000;

/**
 * A valid environment with many zones, one node each: data nodes, every third one a witness, and an odd number of
 * Sentinels. With 90 of them, the computer has to have 13 GiB of memory, or the synth says that they cannot run on it.
 * @param index tells several environments apart: each has a name and ports of its own
 */
export function manyZones(count: number, index = 0): EnvironmentInput {
  const sentinelPorts = FIRST_PORT + index * count * 2 + count;
  const sentinels = count % 2 === 1 ? count : count - 1;
  const zones = Array.from({ length: count }, (_, at) => {
    const port = FIRST_PORT + index * count * 2 + at;
    const sentinelPort = sentinelPorts + at;
    const name = `node-${at + 1}`;
    if (at >= sentinels) return { name, runs: ["redis" as const], port };
    return at % 3 === 2 ? { name, runs: ["sentinel" as const], sentinelPort } : { name, port, sentinelPort };
  });
  return {
    name: `many-${index + 1}`,
    target: { kind: "local" },
    zones: Object.fromEntries(zones.map((node, at) => [`z${at + 1}`, { nodes: [node] }])),
    settings: { maxMemoryMb: 96 },
  };
}
