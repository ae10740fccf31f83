import { redisEndpoint, sameEndpoint, type SentinelAnswer, watchesNothing } from "../../cluster/answers.ts";
import type { Link, Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { waitFor } from "../processes.ts";
import type { MonitorSettings } from "./journal.ts";

/** Sentinels tell each other every 2 s; one that was restarted first has to connect. */
const AGREE_TIMEOUT_MS = 20_000;

/** What one Sentinel must be told again of its master. Each keeps its own values. */
export const settingsOf = (answers: readonly SentinelAnswer[], quorum: number): MonitorSettings => {
  const known = answers.find(({ state }) => state !== undefined)?.state;
  return {
    quorum,
    downAfterMs: known?.downAfterMs ?? 2000,
    failoverTimeoutMs: known?.failoverTimeoutMs ?? 10_000,
    parallelSyncs: known?.parallelSyncs ?? 1,
  };
};

/**
 * Tells every Sentinel that answers who the master is, by making it forget the old one and watch the new one.
 *
 * All forget before the first one is told: one that still knew the old master would, with its higher epoch, talk a
 * told one out of it. (Told one after the other with 300 ms between them, 2 of 7 runs ended with a replica named as
 * master for half a minute.)
 * @param onForgotten called when all have forgotten the old one and none was told of the new one
 * @throws when one of them answers with an error
 */
export async function announce(
  links: Links,
  master: TopologyNode,
  settings: MonitorSettings,
  onForgotten: () => void = () => undefined,
): Promise<void> {
  const name = links.group.masterName;
  const reachable = links.sentinels.filter(({ connection }) => connection.connected);
  await Promise.all(
    reachable.map(({ connection }) =>
      connection.ask(async (redis) => {
        try {
          await redis.call("SENTINEL", "REMOVE", name);
        } catch (error) {
          if (!watchesNothing((error as Error).message)) throw error;
        }
      }),
    ),
  );
  onForgotten();
  await Promise.all(reachable.map((link) => monitor(link, name, master, settings)));
}

async function monitor(
  { connection }: Link,
  name: string,
  master: TopologyNode,
  { quorum, downAfterMs, failoverTimeoutMs, parallelSyncs }: MonitorSettings,
): Promise<void> {
  const { address, port } = redisEndpoint(master);
  await connection.ask((redis) =>
    Promise.all([
      redis.call("SENTINEL", "MONITOR", name, address, port, quorum),
      redis.call(
        ...(["SENTINEL", "SET", name] as const),
        ...["down-after-milliseconds", downAfterMs, "failover-timeout", failoverTimeoutMs],
        ...["parallel-syncs", parallelSyncs],
      ),
    ]),
  );
}

/**
 * Waits until every Sentinel that answers names this master with this epoch or a later one, sees it as up, and at
 * least `needed` of them do.
 */
export async function untilAgreed(links: Links, master: TopologyNode, epoch: number, needed: number): Promise<void> {
  let seen = "";
  await waitFor(
    "agreement of the Sentinels",
    async () => {
      const answers = (await links.askSentinels()).flatMap(({ node, state }) => (state ? [{ node, state }] : []));
      const agreeing = answers.filter(
        ({ state }) =>
          sameEndpoint(state.master, redisEndpoint(master)) && state.configEpoch >= epoch && state.flags === "master",
      );
      seen = answers
        .filter((each) => !agreeing.includes(each))
        .map(({ node, state: { master: named, configEpoch, flags } }) => {
          return `${node.name} names ${named.address}:${named.port} (${flags}) with epoch ${configEpoch}`;
        })
        .join("; ");
      return agreeing.length === answers.length && agreeing.length >= needed ? true : undefined;
    },
    AGREE_TIMEOUT_MS,
    50,
  ).catch(() => {
    throw new Error(
      `the Sentinels do not agree on ${master.name} with epoch ${epoch} within ${AGREE_TIMEOUT_MS / 1000} s` +
        ` (${seen || "too few of them answer"}); redis-ha verify shows how they stand, redis-ha repair mends it`,
    );
  });
}
