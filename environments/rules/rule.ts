import { defaults } from "../defaults.ts";
import type { Environment, EnvironmentNode } from "../environment.ts";

/** One thing that a user has to change. */
export interface Problem {
  /** The field, for example `zones.c.nodes[0].port`. */
  readonly path: string;
  /** What is wrong with it and what to change. */
  readonly message: string;
}

/** A node with what its entry leaves out: its zone, its place in the file and the ports that it gets by default. */
export interface PlacedNode {
  readonly name: string;
  readonly zone: string;
  readonly path: string;
  readonly entry: EnvironmentNode;
  readonly runsRedis: boolean;
  readonly runsSentinel: boolean;
  /** Absent when it has to be given and is not. */
  readonly address?: string;
  /** Absent when redis-server does not run here, or when the port has to be given and is not. */
  readonly redisPort?: number;
  /** Absent when redis-sentinel does not run here, or when the port has to be given and is not. */
  readonly sentinelPort?: number;
}

/** What a rule looks at. */
export interface Subject {
  readonly environment: Environment;
  readonly nodes: readonly PlacedNode[];
  /** Memory of the computer that this runs on, in MiB. */
  readonly computerMemoryMb: number;
}

/** Looks at one property of an environment; no problems when it holds. */
export type Rule = (subject: Subject) => Problem[];

/** All nodes of an environment in the order of its zones. */
export function placedNodes(environment: Environment): PlacedNode[] {
  const local = environment.target.kind === "local";
  return Object.entries(environment.zones).flatMap(([zone, { nodes }]) =>
    nodes.map((entry, index): PlacedNode => {
      const runsRedis = entry.runs.includes("redis");
      const runsSentinel = entry.runs.includes("sentinel");
      return {
        name: entry.name,
        zone,
        path: `zones.${zone}.nodes[${index}]`,
        entry,
        runsRedis,
        runsSentinel,
        address: entry.address ?? (local ? defaults.localAddress : undefined),
        redisPort: runsRedis ? (entry.port ?? (local ? undefined : defaults.redisPort)) : undefined,
        sentinelPort: runsSentinel ? (entry.sentinelPort ?? (local ? undefined : defaults.sentinelPort)) : undefined,
      };
    }),
  );
}

/** A socket that a server of the environment listens on. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly node: PlacedNode;
  readonly server: "redis-server" | "redis-sentinel";
  readonly path: string;
}

/** The known endpoints of the nodes, of redis-server and of redis-sentinel. */
export const endpointsOf = (nodes: readonly PlacedNode[]): Endpoint[] =>
  nodes.flatMap((node) => {
    const { address, redisPort, sentinelPort, path } = node;
    if (address === undefined) return [];
    const endpoints: Endpoint[] = [];
    if (redisPort !== undefined)
      endpoints.push({ address, port: redisPort, node, server: "redis-server", path: `${path}.port` });
    if (sentinelPort !== undefined)
      endpoints.push({ address, port: sentinelPort, node, server: "redis-sentinel", path: `${path}.sentinelPort` });
    return endpoints;
  });

/** `1 replica`, `2 replicas`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
