import type { Redis } from "ioredis";
import { redisEndpoint, sameEndpoint, type SentinelAnswer, watchesNothing } from "../../cluster/answers.ts";
import { masterAccess } from "../../cluster/access.ts";
import { Unreachable } from "../../cluster/connection.ts";
import { agreement, type Link, type Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { waitFor } from "../processes.ts";
import type { MonitorSettings } from "./journal.ts";

/** Sentinels tell each other every 2 s; one that was restarted first has to connect. */
const AGREE_TIMEOUT_MS = 20_000;

/** What the Sentinels must be told again of a master: what the first of them that answers knows. */
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
 *
 * One that falls silent in between must not keep the others without a master. It gets the same commands, in the same
 * order, for when it is back, and an epoch above its own afterwards.
 * @param onForgotten called when all have forgotten the old one and none was told of the new one
 * @throws when one of them answers with an error, or too few of them answer
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
    reachable.map((link) =>
      unlessSilent(link, (redis) => redis.call("SENTINEL", "REMOVE", name)).catch((error: Error) => {
        if (!watchesNothing(error.message)) throw error;
      }),
    ),
  );
  onForgotten();
  const told = await Promise.all(reachable.map((link) => monitor(link, name, master, settings)));
  const count = told.filter(Boolean).length;
  if (count < agreement(links.group)) {
    throw new Error(
      `only ${count} of ${links.sentinels.length} Sentinels could be told that ${master.name} is master; bring the others ` +
        `up, then the next redis-ha command, or the agent of a data node, tells them`,
    );
  }
}

/** @returns whether there was an answer. @throws the Sentinel's own error */
async function unlessSilent({ connection }: Link, question: (redis: Redis) => Promise<unknown>): Promise<boolean> {
  try {
    await connection.ask(question);
    return true;
  } catch (error) {
    if (error instanceof Unreachable) return false;
    throw error;
  }
}

function monitor(
  link: Link,
  name: string,
  master: TopologyNode,
  { quorum, downAfterMs, failoverTimeoutMs, parallelSyncs }: MonitorSettings,
): Promise<boolean> {
  const { address, port } = redisEndpoint(master);
  const { username, password } = masterAccess();
  const login = username === undefined || password === undefined ? [] : ["auth-user", username, "auth-pass", password];
  return unlessSilent(link, async (redis) => {
    // In one piece, so that it is heard as a whole or not at all.
    const answers = await redis
      .pipeline()
      .call("SENTINEL", "MONITOR", name, address, port, quorum)
      .call(
        ...(["SENTINEL", "SET", name] as const),
        ...["down-after-milliseconds", downAfterMs, "failover-timeout", failoverTimeoutMs],
        ...["parallel-syncs", parallelSyncs, ...login],
      )
      .exec();
    for (const [error] of answers ?? []) if (error) throw error;
  });
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
        ` (${seen || "too few of them answer"}); npx redis-ha verify shows how they stand, npx redis-ha repair mends it`,
    );
  });
}
