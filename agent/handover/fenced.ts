import { FENCE, redisEndpoint, sameEndpoint } from "../../cluster/answers.ts";
import { agreement, type Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { setMinReplicas } from "../min-replicas.ts";
import type { NodeFolder } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import { inFailover } from "../role.ts";
import { untilEqual, type HandOverReport, type HandOverRequest } from "./handover.ts";
import { type Journal, removeJournal } from "./journal.ts";
import { releaseClients, rewriteAll } from "./passed-on.ts";

/** Sentinel needs about 1 s, and gives an attempt up after its failover-timeout; so much later it has certainly. */
const RESERVE_MS = 2000;

/**
 * The slow hand-over, for when a Sentinel that may be alive is silent: Sentinel itself fails over, and so counts the
 * epoch up, which makes the silent one give in when it is back. The master takes no writes meanwhile (a bare SENTINEL
 * FAILOVER leaves it master for some 10 s, and lost up to 10 000 acknowledged writes).
 * @param inSync a replica that will have every write
 * @param answering nodes whose Sentinels answer
 */
export async function fencedFailover(
  { links, report }: HandOverRequest,
  folder: NodeFolder,
  journal: Omit<Journal, "version" | "holder">,
  from: TopologyNode,
  inSync: TopologyNode,
  answering: readonly string[],
): Promise<HandOverReport> {
  report("a Sentinel is silent: its fellows fail over in their own way, which takes about a second");
  const started = performance.now();
  const setFence = (value: string): Promise<unknown> =>
    links.server(from.name, (redis) => setMinReplicas(redis, value));
  try {
    await setFence(FENCE);
    await untilEqual(links, from, inSync);
    await startFailover(links, answering);
    const patienceMs = journal.settings.failoverTimeoutMs + RESERVE_MS;
    const to = await untilPromoted(links, from, patienceMs);
    const { address, port } = redisEndpoint(to);
    await links.server(from.name, (redis) => redis.replicaof(address, port));
    await untilNamed(links, to, answering, patienceMs);
    await setFence(journal.minReplicasToWrite);
    await releaseClients(links, from);
    const writeGapMs = performance.now() - started;
    await rewriteAll(links);
    removeJournal(folder);
    return { from: from.name, to: to.name, grade: "slow", writeGapMs };
  } catch (error) {
    // Otherwise the fence and the journal stay: whoever resumes the hand-over sees who became master.
    if (await nobodyPromoted(links, from)) {
      await setFence(journal.minReplicasToWrite).catch(() => undefined);
      removeJournal(folder);
    }
    throw error;
  }
}

/**
 * Any Sentinel that sees the replicas may lead; the first one that does not refuse does. A silent one is not asked: it
 * would obey when it is back, and fail over a second time.
 */
async function startFailover(links: Links, answering: readonly string[]): Promise<void> {
  const refusals: string[] = [];
  for (const { node, connection } of links.sentinels) {
    if (!answering.includes(node.name)) continue;
    try {
      await connection.ask((redis) => redis.call("SENTINEL", "FAILOVER", links.group.masterName));
      return;
    } catch (error) {
      refusals.push(`${node.name}: ${(error as Error).message}`);
    }
  }
  throw new Error(`no Sentinel started a failover (${refusals.join("; ")})`);
}

/** Every other server says that it is a replica, and no Sentinel is about to change that. */
async function nobodyPromoted(links: Links, from: TopologyNode): Promise<boolean> {
  const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const others = servers.filter(({ node }) => node.name !== from.name);
  return others.every(({ state }) => state?.role === "replica") && !inFailover(sentinels);
}

function untilPromoted(links: Links, from: TopologyNode, timeoutMs: number): Promise<TopologyNode> {
  return waitFor(
    "the Sentinels have promoted a replica",
    async () =>
      (await links.askServers()).find(({ node, state }) => node.name !== from.name && state?.role === "master")?.node,
    timeoutMs,
    10,
  );
}

/** The clients ask the Sentinels, so they wait until enough of these know. */
async function untilNamed(
  links: Links,
  to: TopologyNode,
  answering: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await waitFor(
    `the Sentinels name ${to.name}`,
    async () => {
      const answers = await links.askSentinels({ of: answering });
      const naming = answers.filter(({ state }) => sameEndpoint(state?.master, redisEndpoint(to))).length;
      return naming >= agreement(links.group) ? true : undefined;
    },
    timeoutMs,
    20,
  );
}
