import { sentinelEndpoint } from "../cluster/answers.ts";
import { Unreachable, withConnection } from "../cluster/connection.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** How often a Sentinel asks each server who it is. By itself it does so every 10 s, and only in a failover each second. */
const INFO_PERIOD_MS = 1000;

/**
 * Has the node's Sentinel ask each server for its role every second. It keeps that in memory only, so it has to be told
 * at each of its starts.
 *
 * What it believes of a server in between is as old as the last answer, and it acts on it: a former master that it saw
 * as master, and that was made a replica a moment later, is still a master for it. Cut off just then, and back when that
 * server is master again, it would make it a replica at once, and what was confirmed meanwhile would be lost.
 * @returns false when it does not answer yet; otherwise it is done, or this Sentinel has no such setting
 */
export async function askOften(node: TopologyNode, log: (message: string) => void): Promise<boolean> {
  try {
    await withConnection(sentinelEndpoint(node), (sentinel) =>
      sentinel.call("SENTINEL", "DEBUG", "INFO-PERIOD", INFO_PERIOD_MS),
    );
  } catch (error) {
    if (error instanceof Unreachable) return false;
    log(`sentinel: asks for roles at its own pace: ${(error as Error).message}`);
  }
  return true;
}
