import type { RedisAnswer } from "../../cluster/answers.ts";
import type { Links } from "../../cluster/links.ts";
import type { ClusterLock } from "../../cluster/lock.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { setMinReplicas } from "../min-replicas.ts";
import type { NodeFolder } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import { inFailover } from "../role.ts";
import { settleEpoch } from "./handover.ts";
import { isUnderWay, type Journal, readJournal, removeJournal, siblingFolder } from "./journal.ts";
import { passedOn, releaseClients, rewriteAll } from "./passed-on.ts";

/** Roles change within milliseconds, unless the one who takes over is gone. */
const SETTLE_TIMEOUT_MS = 5000;

/**
 * Ends the hand-overs of a group that were killed half-way: forward where the role has passed on, back where it has not.
 * @param folder of any node of the group
 * @returns what was done, in words
 * @throws when one cannot be ended yet; it stays for the next time
 */
export async function resumeHandOvers(links: Links, lock: ClusterLock, folder: NodeFolder): Promise<string[]> {
  const done: string[] = [];
  for (const { node } of links.servers) {
    const its = siblingFolder(folder, node.name);
    const journal = readJournal(its);
    if (journal && !isUnderWay(journal)) done.push(await resume(links, lock, its, journal));
  }
  return done;
}

async function resume(links: Links, lock: ClusterLock, folder: NodeFolder, journal: Journal): Promise<string> {
  await lock.hold();
  const { from, to, unclear } = await settled(links, journal);
  if (unclear) throw new Error(`the hand-over of ${journal.from} was interrupted and cannot be ended yet: ${unclear}`);
  if (to) {
    if (journal.kind === "fenced" || journal.to !== to.name) {
      // The Sentinels did this themselves, and know it.
      if (from) await releaseClients(links, from);
      await rewriteAll(links);
      await unfence(links, journal);
      removeJournal(folder);
    } else {
      await passedOn({ links, from, to, settings: journal.settings });
      await settleEpoch({ links, lock, folder, from: journal.from, to, epoch: journal.epoch });
    }
    return `the interrupted hand-over from ${journal.from} to ${to.name} is complete`;
  }
  await unfence(links, journal);
  await links.server(journal.from, (redis) => redis.call("CLIENT", "UNPAUSE")).catch(() => undefined);
  removeJournal(folder);
  return `the interrupted hand-over of ${journal.from} is taken back`;
}

interface Settled {
  /** The former master, if it answers and is a replica now. */
  readonly from?: TopologyNode;
  /** The node that is master now, when that is not the former one. */
  readonly to?: TopologyNode;
  readonly unclear?: string;
}

/** Waits for the roles to be what they will be: between two masters and none, the servers need a moment. */
async function settled(links: Links, journal: Journal): Promise<Settled> {
  let last: Settled = {};
  await waitFor(
    "one master",
    async () => {
      last = judge(links, journal, await links.askServers(), await links.askSentinels());
      return last.unclear === undefined ? true : undefined;
    },
    SETTLE_TIMEOUT_MS,
    100,
  ).catch(() => undefined);
  return last;
}

function judge(
  links: Links,
  journal: Journal,
  servers: readonly RedisAnswer[],
  sentinels: Awaited<ReturnType<Links["askSentinels"]>>,
): Settled {
  const masters = servers.filter(({ state }) => state?.role === "master");
  const former = servers.find(({ node }) => node.name === journal.from);
  const from = former?.state?.role === "replica" ? former.node : undefined;
  const other = masters.find(({ node }) => node.name !== journal.from);
  if (inFailover(sentinels)) return { unclear: "the Sentinels are failing over" };
  if (other && masters.length === 1) return { from, to: other.node };
  const named = links.named(sentinels);
  const rightful = masters.find(({ node }) => node.name === named?.name && node.name !== journal.from);
  if (rightful) return { from, to: rightful.node };
  if (other) return { unclear: `${masters.map(({ node }) => node.name).join(" and ")} both say that they are master` };
  if (former?.state?.role === "master") {
    return former.state.failoverState === "no-failover" ? {} : { unclear: `${journal.from} is handing over` };
  }
  const why = named ? `${named.name}, which the Sentinels name, is no master` : "no node is master";
  return { unclear: `${why}; npx redis-ha status shows the nodes, npx redis-ha elect chooses one` };
}

/** Gives the former master its own value back, if it still carries a fence. */
async function unfence(links: Links, journal: Journal): Promise<void> {
  if (journal.kind !== "fenced") return;
  await links.server(journal.from, (redis) => setMinReplicas(redis, journal.minReplicasToWrite)).catch(() => undefined);
}
