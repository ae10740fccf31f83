import type { InventoryEnvironment } from "../topology/inventory.ts";
import { majority, type TopologyNode } from "../topology/topology.ts";
import {
  askRedis,
  askSentinels,
  quorumMaster,
  redisEndpoint,
  dataNodeAt,
  sameEndpoint,
  type RedisAnswer,
  type RedisState,
  type SentinelAnswer,
  watchesNothing,
} from "./answers.ts";
import type { Endpoint } from "./connection.ts";

/** What every server and Sentinel of an environment says, side by side. */
export interface ClusterView {
  readonly environment: string;
  readonly masterName: string;
  readonly engine: InventoryEnvironment["engine"];
  /** The node that a quorum of Sentinels names, whether it answers or not; undefined when no quorum agrees. */
  readonly master: TopologyNode | undefined;
  /** In the order of the topology. */
  readonly nodes: readonly NodeView[];
}

export interface NodeView {
  readonly node: TopologyNode;
  /** Absent on a witness. */
  readonly redis?: RedisAnswer;
  /** Absent on a node without a Sentinel. */
  readonly sentinel?: SentinelAnswer;
}

/** Asks every server and Sentinel at once. A node that does not answer is part of the view, not an error. */
export async function clusterView(environment: string, inventory: InventoryEnvironment): Promise<ClusterView> {
  const [redis, sentinels] = await Promise.all([
    askRedis(inventory.nodes),
    askSentinels(inventory.nodes, inventory.masterName),
  ]);
  return viewOf(environment, inventory, redis, sentinels);
}

export function viewOf(
  environment: string,
  inventory: InventoryEnvironment,
  redis: readonly RedisAnswer[],
  sentinels: readonly SentinelAnswer[],
): ClusterView {
  return {
    environment,
    masterName: inventory.masterName,
    engine: inventory.engine,
    // A quorum below the majority is allowed for detecting a failure; agreeing on a master always takes the majority.
    master: quorumMaster(sentinels, Math.max(inventory.quorum, majority(sentinels.length)), inventory.nodes),
    nodes: inventory.nodes.map((node) => ({
      node,
      redis: redis.find((answer) => answer.node.name === node.name),
      sentinel: sentinels.find((answer) => answer.node.name === node.name),
    })),
  };
}

/** The node's name where the endpoint is a node's redis-server, else "address:port". */
export function nameOf(endpoint: Endpoint, nodes: readonly TopologyNode[]): string {
  const node = dataNodeAt(nodes, endpoint);
  return node?.name ?? `${endpoint.address}:${endpoint.port}`;
}

export interface Lag {
  /** Bytes that the master has written and the replica has not applied; undefined when one of them is not known. */
  readonly bytes?: number;
  /** Seconds since the replica last acknowledged, as the master counts them. */
  readonly seconds?: number;
}

/** How far a replica is behind a master. The two were asked at slightly different moments, so a few bytes mean nothing. */
export function lagBehind(master: RedisState | undefined, replica: RedisState, node: TopologyNode): Lag {
  if (master?.role !== "master" || replica.role !== "replica") return {};
  const known = master.replicas.find((each) => sameEndpoint(each, redisEndpoint(node)));
  return { bytes: Math.max(0, master.offset - replica.offset), ...(known ? { seconds: known.lagSeconds } : {}) };
}

/** Everything that keeps the view from being a healthy cluster, each as half a sentence; empty when it is healthy. */
export function troubles(view: ClusterView): string[] {
  const nodes = view.nodes.map(({ node }) => node);
  const found: string[] = [];
  for (const { node, redis } of view.nodes) {
    if (!redis) continue;
    const state = redis.state;
    if (!state) {
      found.push(`${node.name} does not answer (${reason(redis.error)})`);
    } else if (state.loading) {
      found.push(`${node.name} is loading its data`);
    } else if (node.name === view.master?.name) {
      if (state.role !== "master") found.push(`${node.name} says that it is a replica`);
    } else if (state.role === "master") {
      found.push(`${node.name} says that it is a master`);
    } else if (view.master && !sameEndpoint(state.master, redisEndpoint(view.master))) {
      found.push(`${node.name} follows ${state.master ? nameOf(state.master, nodes) : "nobody"}`);
    } else if (state.link !== "up") {
      found.push(`${node.name} ${state.syncing ? "is receiving a full copy" : "has lost its link to the master"}`);
    }
  }
  for (const { node, sentinel } of view.nodes) {
    if (!sentinel) continue;
    if (!sentinel.state) {
      found.push(
        watchesNothing(sentinel.error)
          ? `the Sentinel of ${node.name} does not watch ${view.masterName}`
          : `the Sentinel of ${node.name} does not answer (${reason(sentinel.error)})`,
      );
    } else if (view.master && !sameEndpoint(sentinel.state.master, redisEndpoint(view.master))) {
      found.push(`the Sentinel of ${node.name} names ${nameOf(sentinel.state.master, nodes)}`);
    } else if (sentinel.state.flags !== "master") {
      found.push(`the Sentinel of ${node.name} sees the master as ${sentinel.state.flags}`);
    }
  }
  return found;
}

/** One sentence that says how the cluster is. */
export function summary(view: ClusterView): string {
  const found = troubles(view);
  const servers = view.nodes.filter(({ redis }) => redis);
  const sentinels = view.nodes.filter(({ sentinel }) => sentinel);
  const answering = [...servers.map(({ redis }) => redis), ...sentinels.map(({ sentinel }) => sentinel)];
  if (answering.every((answer) => !answer?.state)) {
    const errors = [...new Set(answering.map((answer) => reason(answer?.error)))].join(", ");
    return `Nothing runs: no server and no Sentinel answers (${errors})`;
  }
  if (!view.master) {
    const naming = sentinels.filter(({ sentinel }) => sentinel?.state).length;
    return [`No quorum of Sentinels names a master (${naming} of ${sentinels.length} answer)`, ...found].join("; ");
  }
  if (found.length > 0) {
    const { name } = view.master;
    const says = servers.find(({ node }) => node.name === name)?.redis?.state?.role === "master";
    return `${name} is ${says ? "master, and not all is well:" : "named as master, but"} ${found.join("; ")}`;
  }
  const replicas = count(servers.length - 1, "replica follows", "replicas follow");
  return `${view.master.name} is master, ${replicas}, ${count(sentinels.length, "Sentinel agrees", "Sentinels agree")}`;
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

/** An error without the address that stands beside it anyway. */
export const reason = (error: string | undefined): string => (error ?? "unknown").replace(/^[\d.]+:\d+: /, "");
