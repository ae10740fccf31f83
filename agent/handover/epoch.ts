import path from "node:path";
import { redisEndpoint } from "../../cluster/answers.ts";
import type { Endpoint } from "../../cluster/connection.ts";
import { type Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { askAgent, NoAgent } from "../control.ts";
import { logger } from "../log.ts";
import { appliedSpec, type NodeFolder, readIfThere, writeAtomically } from "../node-folder.ts";
import { ownView, withMaster } from "../sentinel-state.ts";
import { type Server } from "../server.ts";
import { serverOf } from "../systemd/server-of.ts";
import { siblingFolder } from "./journal.ts";

/** What one Sentinel starts with, and tells the others. */
export interface RaisedEpoch {
  readonly master: Endpoint;
  /** Above all that the group has had. */
  readonly epoch: number;
}

/**
 * Gives the group an epoch above all that were ever seen, by restarting one Sentinel with it; the others take it from
 * that one within two seconds.
 *
 * A Sentinel that was made to forget its master begins again at epoch 0. Without this step, one that was away meanwhile
 * comes back with its old epoch, which is higher, and overrules all others: 27 to 33 s with a replica named as master.
 * @param master the node that the Sentinels were told of
 * @param first the node whose Sentinel is tried first
 * @param seen the highest epoch that is known of
 * @returns the new epoch
 * @throws when no Sentinel could be restarted
 */
export async function raiseGroupEpoch(
  links: Links,
  folder: NodeFolder,
  master: TopologyNode,
  first: string,
  seen: number,
): Promise<number> {
  const order = [...links.sentinels].sort((a, b) => Number(b.node.name === first) - Number(a.node.name === first));
  const folders = order.map(({ node }) => siblingFolder(folder, node.name));
  const { masterName } = links.group;
  const least = Math.max(
    seen,
    ...folders.map((it) => ownView(readIfThere(it.sentinelState) ?? "", masterName).currentEpoch),
  );
  const failures: string[] = [];
  for (const { node, connection } of order) {
    if (!connection.connected) continue;
    try {
      await raise(siblingFolder(folder, node.name), { master: redisEndpoint(master), epoch: least + 1 });
      return least + 1;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new Error(
    `no Sentinel could be restarted with epoch ${least + 1} (${failures.join("; ") || "none answers"}); npx redis-ha repair does it again`,
  );
}

/** By the node's agent, which must not take the stop for a crash; where there is none, by our own hands. */
async function raise(folder: NodeFolder, raised: RaisedEpoch): Promise<void> {
  try {
    const response = await askAgent(folder.socket, { do: "raise-epoch", ...raised });
    const error = response.error ?? response.servers.sentinel?.error;
    if (error) throw new Error(error);
  } catch (error) {
    if (!(error instanceof NoAgent)) throw error;
    const spec = appliedSpec(folder);
    if (!spec) throw new Error(`${path.basename(folder.root)} was never applied on this computer`, { cause: error });
    const log = logger(path.join(folder.logs, "agent.log"));
    await restartWithEpoch(serverOf("sentinel", spec, folder, log), folder, raised);
  }
}

/** Stops the Sentinel, writes master and epoch into its state file and starts it again. */
export async function restartWithEpoch(
  server: Server,
  folder: NodeFolder,
  raised: RaisedEpoch,
  onExit: () => void = () => undefined,
): Promise<void> {
  await server.stop();
  writeEpoch(server, folder, raised);
  await server.start(onExit);
}

/** Into the state file of a Sentinel that does not run. */
export function writeEpoch({ spec }: Server, folder: NodeFolder, { master, epoch }: RaisedEpoch): void {
  writeAtomically(folder.sentinelState, withMaster(readIfThere(folder.sentinelState) ?? "", spec, master, epoch));
}
