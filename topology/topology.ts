import { defaults } from "../environments/defaults.ts";
import type { Environment } from "../environments/environment.ts";
import { majority } from "../environments/majority.ts";

/** One node as every part of the system knows it. Addresses and ports are final: nothing is assigned later. */
export interface TopologyNode {
  readonly name: string;
  readonly zone: string;
  /** `data` runs redis-server, `witness` only a Sentinel. */
  readonly kind: "data" | "witness";
  readonly address: string;
  /** Port of redis-server; absent on a witness. */
  readonly redisPort?: number;
  /** Port of redis-sentinel; absent on a data node without a Sentinel. */
  readonly sentinelPort?: number;
  /** False: never made master. */
  readonly promotable: boolean;
}

/** What an environment means, computed once: a pure function of the description. */
export interface Topology {
  readonly environment: string;
  /** `<project>-<environment>`, the name that Sentinels and clients use. */
  readonly masterName: string;
  readonly engine: "redis" | "valkey";
  /** Zones in the order in which they are applied; a zone may be empty. */
  readonly zones: readonly { readonly name: string; readonly nodes: readonly TopologyNode[] }[];
  readonly nodes: readonly TopologyNode[];
  /** Name of the node that becomes the first master of a cluster that has no data yet. */
  readonly seed: string;
  /** Sentinels that must agree that the master is down. */
  readonly quorum: number;
  readonly minReplicasToWrite: number;
}

export { majority };

export const isData = (node: TopologyNode): boolean => node.kind === "data";
export const hasSentinel = (node: TopologyNode): boolean => node.sentinelPort !== undefined;

/** The topology of a valid environment (see `parseEnvironment`). */
export function topologyOf(environment: Environment): Topology {
  const local = environment.target.kind === "local";
  const zones = Object.entries(environment.zones).map(([zone, { nodes }]) => ({
    name: zone,
    nodes: nodes.map((node): TopologyNode => {
      const data = node.runs.includes("redis");
      return {
        name: node.name,
        zone,
        kind: data ? "data" : "witness",
        address: node.address ?? (local ? defaults.localAddress : ""),
        ...(data ? { redisPort: node.port ?? defaults.redisPort } : {}),
        ...(node.runs.includes("sentinel") ? { sentinelPort: node.sentinelPort ?? defaults.sentinelPort } : {}),
        promotable: data && node.promotable,
      };
    }),
  }));
  const nodes = zones.flatMap((zone) => zone.nodes);
  const replicas = nodes.filter(isData).length - 1;
  return {
    environment: environment.name,
    masterName: `${environment.project}-${environment.name}`,
    engine: environment.engine,
    zones,
    nodes,
    seed: nodes.find((node) => node.promotable)?.name ?? "",
    quorum: environment.settings.quorum ?? majority(nodes.filter(hasSentinel).length),
    minReplicasToWrite: environment.settings.minReplicasToWrite ?? (replicas >= 2 ? 1 : 0),
  };
}
