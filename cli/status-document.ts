import { redisEndpoint } from "../cluster/answers.ts";
import { type ClusterView, lagBehind, nameOf, type NodeView, summary, troubles } from "../cluster/view.ts";
import type { UnderWay } from "../secrets/rotations.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** What `redis-ha status --json` prints: a contract, described in docs/json.md. Fields are added, never changed or removed. */
export interface StatusDocument {
  readonly version: 1;
  readonly environment: string;
  readonly masterName: string;
  readonly engine: "redis" | "valkey";
  readonly healthy: boolean;
  readonly summary: string;
  readonly master: string | null;
  readonly nodes: readonly StatusNode[];
  /** Null where the store of the secrets is not known. */
  readonly rotations: readonly UnderWay[] | null;
}

export interface StatusNode {
  readonly name: string;
  readonly zone: string;
  readonly kind: "data" | "witness";
  readonly address: string;
  readonly port: number | null;
  readonly sentinelPort: number | null;
  readonly role: "master" | "replica" | null;
  readonly pid: number | null;
  readonly version: string | null;
  readonly offset: number | null;
  readonly lagBytes: number | null;
  readonly lagSeconds: number | null;
  readonly link: "up" | "down" | null;
  readonly syncing: boolean | null;
  readonly loading: boolean | null;
  readonly masterNode: string | null;
  readonly error: string | null;
  readonly sentinel: StatusSentinel | null;
  readonly certificate: StatusCertificate | null;
}

export interface StatusCertificate {
  /** ISO 8601 */
  readonly validTo: string;
}

export interface StatusSentinel {
  readonly names: string | null;
  readonly epoch: number | null;
  readonly flags: string | null;
  readonly pid: number | null;
  readonly error: string | null;
}

/** The view as the document. Pure. */
export function statusDocument(view: ClusterView, rotations: StatusDocument["rotations"]): StatusDocument {
  return {
    version: 1,
    environment: view.environment,
    masterName: view.masterName,
    engine: view.engine,
    healthy: view.master !== undefined && troubles(view).length === 0,
    summary: summary(view),
    master: view.master?.name ?? null,
    nodes: view.nodes.map((node) => statusNode(node, view)),
    rotations,
  };
}

function statusNode({ node, redis, sentinel }: NodeView, view: ClusterView): StatusNode {
  const nodes = view.nodes.map((each) => each.node);
  const state = redis?.state;
  const master = view.nodes.find((each) => each.node.name === view.master?.name)?.redis?.state;
  const lag = state ? lagBehind(master, state, node) : {};
  return {
    name: node.name,
    zone: node.zone,
    kind: node.kind,
    address: node.address,
    port: node.redisPort ?? null,
    sentinelPort: node.sentinelPort ?? null,
    role: state?.role ?? null,
    pid: state?.pid ?? null,
    version: state?.version ?? null,
    offset: state?.offset ?? null,
    lagBytes: lag.bytes ?? null,
    lagSeconds: lag.seconds ?? null,
    link: state?.link ?? null,
    syncing: state?.syncing ?? null,
    loading: state?.loading ?? null,
    masterNode: state?.master ? nameOf(state.master, nodes) : null,
    error: redis?.error ?? null,
    sentinel: sentinel ? statusSentinel(sentinel, nodes) : null,
    certificate: certificateOf([redis, sentinel]),
  };
}

/** For a moment, server and Sentinel may show different ones: the first that expires counts. */
function certificateOf(
  answers: readonly ({ readonly certificateUntil?: string } | undefined)[],
): StatusCertificate | null {
  const [validTo] = answers.flatMap((answer) => answer?.certificateUntil ?? []).sort();
  return validTo === undefined ? null : { validTo };
}

function statusSentinel(
  { state, error }: NonNullable<NodeView["sentinel"]>,
  nodes: readonly TopologyNode[],
): StatusSentinel {
  return {
    names: state ? nameOf(state.master, nodes) : null,
    epoch: state?.configEpoch ?? null,
    flags: state?.flags ?? null,
    pid: state?.pid ?? null,
    error: error ?? null,
  };
}

/** Where clients reach the node: its redis-server, on a witness its Sentinel. */
export function addressOf(node: TopologyNode): string {
  return node.redisPort === undefined
    ? `${node.address}:${node.sentinelPort}`
    : `${node.address}:${redisEndpoint(node).port}`;
}
