import type { ClusterContext } from "../agent/operations.ts";
import { waitFor } from "../agent/processes.ts";
import { type ClusterView, clusterView } from "../cluster/view.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { DrillOptions } from "./run.ts";
import type { DrillResult } from "./result.ts";
import type { NodeProcess, Site } from "./site.ts";

/** The cluster that is broken, and what a fault needs to break it. */
export interface FaultContext extends ClusterContext {
  /** The master when the drill began. */
  readonly master: TopologyNode;
  /** Where the nodes are. */
  readonly site: Site;
  /** Aborted when the user has had enough. */
  readonly signal: AbortSignal;
  /**
   * Registers what mends something, before it is broken. All of it is done, the last one first, as soon as `inject` has
   * ended or failed, or the user has interrupted it; so it must also be right when nothing was broken yet.
   * @param what as a sentence without a subject: "starts redis-a again"
   */
  readonly undo: (what: string, mend: () => Promise<void>) => void;
}

/** What can be broken, one file each in `faults/`. */
export type Fault = {
  /** As it is typed. */
  readonly name: string;
  /** What is done, in a few words. */
  readonly title: string;
  /** What the project says of acknowledged writes: none is lost, or none that WAIT 1 has confirmed. */
  readonly promise: "every-write" | "wait";
} & (
  | {
      /** Breaks it, and returns when it may be mended. The time until then is part of what is measured. */
      readonly inject: (context: FaultContext) => Promise<void> | void;
    }
  | {
      /** A drill in a cluster of its own. The one that runs is not touched. */
      readonly drill: (options: DrillOptions) => Promise<DrillResult>;
    }
);

/** Longest time for Sentinel to make another node master: down-after (2 s), the election, one attempt that fails. */
const TAKE_OVER_MS = 45_000;

const LOOK_EVERY_MS = 20;

export type ProcessName = "agent" | "redis" | "sentinel";

/** @throws when it does not run */
export async function runningProcess(
  { site }: FaultContext,
  node: TopologyNode,
  name: ProcessName,
): Promise<NodeProcess> {
  const found = await site.process(node, name);
  if (!found) throw new Error(`${node.name} has no ${name} process that could be disturbed`);
  return found;
}

/** A stop waits for replicas up to shutdown-timeout (10 s in the template). */
const END_TIMEOUT_MS = 20_000;

/** Sends a signal that ends a process, and waits until it has ended: only then is the cluster broken. */
export async function end(context: FaultContext, signal: "SIGKILL" | "SIGTERM", its: NodeProcess): Promise<void> {
  await its.send(signal);
  const ended = async (): Promise<true | undefined> => !(await its.alive()) || undefined;
  await until(context, `the process ${its.pid} ends`, ended, END_TIMEOUT_MS);
}

/** `waitFor`, until the user interrupts it. */
export function until<T>(
  { signal }: FaultContext,
  what: string,
  condition: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
): Promise<T> {
  const look = (): Promise<T | undefined> | T | undefined => {
    signal.throwIfAborted();
    return condition();
  };
  return waitFor(what, look, timeoutMs, LOOK_EVERY_MS);
}

/** The node that the Sentinels name as master and that says so itself. */
export async function actingMaster({ environment, inventory }: ClusterContext): Promise<TopologyNode | undefined> {
  return actingIn(await clusterView(environment, inventory));
}

/** The same of a view. */
export function actingIn(view: ClusterView): TopologyNode | undefined {
  const answer = view.nodes.find(({ node }) => node.name === view.master?.name)?.redis?.state;
  return answer?.role === "master" && !answer.loading ? view.master : undefined;
}

/** A data node that is not the master. @throws when there is none */
export function aReplica({ environment, inventory, master }: FaultContext): TopologyNode {
  const replica = inventory.nodes.find(({ name, redisPort }) => redisPort !== undefined && name !== master.name);
  if (!replica) throw new Error(`${environment} has no replica`);
  return replica;
}

/** Waits until another node is master. */
export async function untilReplaced(context: FaultContext): Promise<TopologyNode> {
  const { master } = context;
  const look = async (): Promise<TopologyNode | undefined> => {
    const acting = await actingMaster(context);
    return acting?.name === master.name ? undefined : acting;
  };
  return until(context, `another node than ${master.name} is master`, look, TAKE_OVER_MS);
}
