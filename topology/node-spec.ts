import type { Topology, TopologyNode } from "./topology.ts";

/**
 * The one contract between Terraform and a node: who the node is, who its peers are, and its rendered files.
 * It travels as JSON and holds no secrets and no paths.
 */
export interface NodeSpec {
  readonly version: 1;
  readonly environment: string;
  readonly target: "local" | "ssh" | "aws";
  readonly masterName: string;
  readonly engine: Topology["engine"];
  readonly quorum: number;
  readonly node: TopologyNode;
  /** Every other node of the environment. */
  readonly peers: readonly TopologyNode[];
  /** Name of the node that becomes the first master, once, when no node of the group has data. */
  readonly seed: string;
  /** The servers listen for TLS, and for nothing else. */
  readonly tls?: boolean;
  /** What the node's agent does when its redis-server dies as master. */
  readonly onMasterCrash?: "promote" | "restart";
  readonly files: {
    /** Absent on a witness. */
    readonly "redis.conf"?: string;
    /** Absent on a node without a Sentinel. */
    readonly "sentinel.conf"?: string;
    /** The users of redis-server and of redis-sentinel, without their passwords: `aclOnNode` puts them in. */
    readonly "users.acl"?: string;
    readonly "sentinel-users.acl"?: string;
    /** Units of systemd, on hosts only. */
    readonly "agent.service"?: string;
    readonly "redis.service"?: string;
    readonly "sentinel.service"?: string;
  };
}

/** All nodes of the environment, this one included. */
export const allNodes = (spec: NodeSpec): TopologyNode[] => [spec.node, ...spec.peers];

/**
 * Reads a spec from JSON.
 * @throws when the text is not a spec of this version.
 */
export function parseNodeSpec(json: string, source: string): NodeSpec {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Error(`${source}: not JSON (${(error as Error).message})`);
  }
  const spec = value as Partial<NodeSpec> | null;
  if (spec?.version !== 1 || !spec.node?.name || !spec.environment || !spec.files) {
    throw new Error(
      `${source}: not a node spec of version 1; synthesize and apply again with one version of this project`,
    );
  }
  return spec as NodeSpec;
}
