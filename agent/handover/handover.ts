import { highestEpoch, type RedisAnswer, redisEndpoint, redisStateOf, type RedisState } from "../../cluster/answers.ts";
import { parseInfo } from "../../cluster/connection.ts";
import { agreement, type Links } from "../../cluster/links.ts";
import type { ClusterLock } from "../../cluster/lock.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { runningMinReplicas } from "../min-replicas.ts";
import type { NodeFolder } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import { inFailover } from "../role.ts";
import { settingsOf, untilAgreed } from "./announce.ts";
import { fencedFailover } from "./fenced.ts";
import { type Journal, type MonitorSettings, removeJournal, siblingFolder, writeJournal } from "./journal.ts";
import { passedOn } from "./passed-on.ts";
import { chooseCandidate, gradeOf } from "./plan.ts";
import { raiseGroupEpoch } from "./epoch.ts";

/**
 * How long writes wait at most, in milliseconds; should we die, the server lets them go by itself. Well below down-after:
 * PUBLISH is a write here, so that the Sentinels, who greet each other over the master, would take it for dead, and
 * what it accepts after the pause would be lost.
 */
const pauseMs = ({ downAfterMs }: MonitorSettings): number => Math.min(5000, Math.round(downAfterMs * 0.75));
/** After a full copy redis sends nothing more until the replica has acknowledged it, which it does once a second. */
const STREAMING_TIMEOUT_MS = 2000;
/** A replica in step needs a millisecond or two; one that needs longer than this has fallen back. */
const EQUAL_TIMEOUT_MS = 2000;
/** Within this time from the pause nothing can have been written since the offsets were equal, so that the master need not ask again. */
const FORCE_WITHIN_MS = 500;
const SWITCH_TIMEOUT_MS = 3000;
/** How often a server is asked whether it has changed: each millisecond here is one without writes. */
const POLL_MS = 2;

export interface HandOverRequest {
  readonly links: Links;
  readonly lock: ClusterLock;
  /** The folder of any node of the group. */
  readonly folder: NodeFolder;
  /** Who takes the role. @default - the replica that has most */
  readonly to?: string;
  /** Who takes it rather than others that are as well in sync. @default - nobody */
  readonly preferred?: readonly string[];
  /** Leave the last step, the new epoch, to the agent: it restarts a Sentinel. @default false */
  readonly leaveEpoch?: boolean;
  readonly report: (line: string) => void;
  /** Told after each step, with its name; tests end the process in there. */
  readonly onStep?: OnStep;
}

/** The steps of a fast hand-over, in order. */
export const steps = [
  "noted",
  "paused",
  "equal",
  "switched",
  "followed",
  "forgotten",
  "told",
  "released",
  "rewritten",
  "raised",
  "agreed",
] as const;
export type Step = (typeof steps)[number];
export type OnStep = (step: Step) => void;

export interface HandOverReport {
  readonly from: string;
  readonly to: string;
  /** `fast`: about 0.1 s without writes; `slow`: about 1.1 s, because a Sentinel was silent. */
  readonly grade: "fast" | "slow";
  /** From the first moment at which a write had to wait until the clients were sent to the new master, in milliseconds. */
  readonly writeGapMs: number;
}

/** Why the master's role cannot be passed on now, for people. Nothing was touched. */
export class HandOverRefused extends Error {
  override name = "HandOverRefused";
}

/** A replica that cannot write its new role down would be a replica again after its next start: it does not count. */
function withoutForgetful(links: Links, answers: readonly RedisAnswer[]): Promise<RedisAnswer[]> {
  return Promise.all(
    answers.map(async (answer) => {
      if (answer.state?.role !== "replica") return answer;
      return links
        .server(answer.node.name, (redis) => redis.config("REWRITE"))
        .then(
          () => answer,
          // Silence says nothing about its file.
          ({ name, message }: Error) =>
            name === "ReplyError"
              ? { node: answer.node, error: `cannot write its configuration file: ${message}` }
              : answer,
        );
    }),
  );
}

/**
 * Passes the master's role on without losing an acknowledged write. The one way in which this project changes the
 * master on purpose.
 *
 * Writes wait while the replica's offset reaches the master's; the servers change roles, the other replicas follow, the
 * Sentinels are told, and the clients are sent to the new master. Can be killed at any point: the journal lets
 * `resumeHandOvers` finish it or take it back.
 * @throws HandOverRefused when it would not be safe; LockLost; Error when a step failed, with what is the state now
 */
export async function handOver(request: HandOverRequest): Promise<HandOverReport> {
  const { links, lock } = request;
  await links.settled();
  const [answers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const servers = await withoutForgetful(links, answers);
  const master = currentMaster(links, servers, sentinels);
  const choice = chooseCandidate(master, servers, request.to, request.preferred);
  if ("objection" in choice)
    throw new HandOverRefused(`the role of ${master.node.name} cannot be handed over: ${choice.objection}`);
  const answering = sentinels.filter(({ state }) => state).map(({ node }) => node.name);
  const reach = links.sentinels.map(({ node, connection }) =>
    answering.includes(node.name) ? "answers" : connection.refused ? "refuses" : "silent",
  );
  const grade = gradeOf(reach, agreement(links.group));
  if (grade === undefined) {
    throw new HandOverRefused(`only ${answering.length} of ${reach.length} Sentinels answer`);
  }
  await untilStreaming(links, master, choice.to);
  await lock.hold();
  const journal: Omit<Journal, "version" | "holder"> = {
    kind: grade === "fast" ? "planned" : "fenced",
    from: master.node.name,
    ...(grade === "fast" ? { to: choice.to.name } : {}),
    stage: "switching",
    epoch: highestEpoch(sentinels),
    settings: settingsOf(sentinels, links.group.quorum),
    minReplicasToWrite: await links.server(master.node.name, runningMinReplicas),
  };
  const folder = siblingFolder(request.folder, master.node.name);
  writeJournal(folder, journal);
  return grade === "fast"
    ? planned(request, folder, journal, master.node, choice.to)
    : fencedFailover(request, folder, journal, master.node, choice.to, answering);
}

/** The master that the Sentinels name, when it says so itself and they are not replacing it. @throws HandOverRefused */
function currentMaster(
  links: Links,
  servers: readonly RedisAnswer[],
  sentinels: Awaited<ReturnType<Links["askSentinels"]>>,
): RedisAnswer {
  const named = links.named(sentinels);
  if (!named) {
    const answering = sentinels.filter(({ state }) => state).length;
    throw new HandOverRefused(
      `no ${agreement(links.group)} of ${sentinels.length} Sentinels name the same master (${answering} answer)`,
    );
  }
  if (inFailover(sentinels))
    throw new HandOverRefused(`the Sentinels are replacing ${named.name} just now; wait for them`);
  const master = servers.find(({ node }) => node.name === named.name);
  if (master?.state?.role !== "master") {
    throw new HandOverRefused(
      `${named.name}, which the Sentinels name, ${master?.state ? "is no master" : "does not answer"}`,
    );
  }
  return master;
}

async function planned(
  request: HandOverRequest,
  folder: NodeFolder,
  journal: Omit<Journal, "version" | "holder">,
  from: TopologyNode,
  to: TopologyNode,
): Promise<HandOverReport> {
  const { links, lock, report, onStep = () => undefined } = request;
  onStep("noted");
  const started = performance.now();
  let offset: number;
  try {
    await links.server(from.name, (redis) => redis.call("CLIENT", "PAUSE", pauseMs(journal.settings), "WRITE"));
    onStep("paused");
    offset = await untilEqual(links, from, to);
    onStep("equal");
    const { address, port } = redisEndpoint(to);
    const force = performance.now() - started < FORCE_WITHIN_MS;
    await links.server(from.name, (redis) =>
      force
        ? redis.call("FAILOVER", "TO", address, port, "FORCE", "TIMEOUT", 1)
        : redis.call("FAILOVER", "TO", address, port, "TIMEOUT", SWITCH_TIMEOUT_MS),
    );
    await untilSwitched(links, from, to);
    onStep("switched");
  } catch (error) {
    await takeBack(links, from);
    removeJournalIfMaster(await stateOf(links, from), folder);
    throw error;
  }
  writeJournal(folder, { ...journal, stage: "announcing" });
  await passedOn({ links, from, to, settings: journal.settings, onStep });
  const writeGapMs = performance.now() - started;
  await checkOffset(links, to, offset, report);
  writeJournal(folder, { ...journal, stage: "epoch" });
  if (!request.leaveEpoch)
    await settleEpoch({ links, lock, folder, from: from.name, to, epoch: journal.epoch, onStep });
  return { from: from.name, to: to.name, grade: "fast", writeGapMs };
}

/**
 * Waits until the candidate has what the master had when it was looked at, before any write is paused: one whose stream
 * stands still for a moment would keep the writes waiting as long.
 * @throws HandOverRefused when it does not get there
 */
async function untilStreaming(links: Links, master: RedisAnswer, to: TopologyNode): Promise<void> {
  const there = async (): Promise<true | undefined> =>
    ((await stateOf(links, to))?.offset ?? -1) >= (master.state?.offset ?? 0) || undefined;
  await waitFor(`${to.name} receives what is written`, there, STREAMING_TIMEOUT_MS, POLL_MS).catch(() => {
    throw new HandOverRefused(
      `${to.name} does not have what ${master.node.name} had ${STREAMING_TIMEOUT_MS / 1000} s ago`,
    );
  });
}

/** The last step: an epoch above all others, agreed on by every Sentinel that answers. */
export async function settleEpoch(step: {
  links: Links;
  lock: ClusterLock;
  folder: NodeFolder;
  from: string;
  to: TopologyNode;
  epoch: number;
  onStep?: OnStep;
}): Promise<void> {
  const { links, lock, folder, from, to, onStep = () => undefined } = step;
  await lock.hold();
  const epoch = await raiseGroupEpoch(links, folder, to, from, step.epoch);
  onStep("raised");
  await untilAgreed(links, to, epoch, agreement(links.group));
  onStep("agreed");
  removeJournal(folder);
}

const stateOf = (links: Links, node: TopologyNode): Promise<RedisState | undefined> =>
  links
    .server(node.name, async (redis) => redisStateOf(parseInfo(await redis.info("replication"))))
    .catch(() => undefined);

/** Waits, with writes paused, until the replica has everything. @returns the offset of both */
export function untilEqual(links: Links, from: TopologyNode, to: TopologyNode): Promise<number> {
  return waitFor(
    `${to.name} has everything that ${from.name} has`,
    async () => {
      const [master, replica] = await Promise.all([stateOf(links, from), stateOf(links, to)]);
      if (master?.role !== "master") throw new Error(`${from.name} is not master any more`);
      return replica?.role === "replica" && replica.link === "up" && replica.offset === master.offset
        ? master.offset
        : undefined;
    },
    EQUAL_TIMEOUT_MS,
    POLL_MS,
  );
}

async function untilSwitched(links: Links, from: TopologyNode, to: TopologyNode): Promise<void> {
  await waitFor(
    `${from.name} and ${to.name} have changed roles`,
    async () => {
      const [old, fresh] = await Promise.all([stateOf(links, from), stateOf(links, to)]);
      if (old?.role === "master" && old.failoverState === "no-failover")
        throw new Error(`${from.name} gave the hand-over up`);
      return fresh?.role === "master" && old?.role !== "master" ? true : undefined;
    },
    SWITCH_TIMEOUT_MS,
    POLL_MS,
  );
}

/** Lets the writes go again. The server does so by itself when we cannot. */
async function takeBack(links: Links, from: TopologyNode): Promise<void> {
  await links.server(from.name, (redis) => redis.call("FAILOVER", "ABORT")).catch(() => undefined);
  await links.server(from.name, (redis) => redis.call("CLIENT", "UNPAUSE")).catch(() => undefined);
}

/** With the role where it was, nothing is left to be finished. Otherwise the journal stays for `resumeHandOvers`. */
function removeJournalIfMaster(state: RedisState | undefined, folder: NodeFolder): void {
  if (state?.role === "master" && state.failoverState === "no-failover") removeJournal(folder);
}

/** The proof: the new master goes on from where the old one stopped. */
async function checkOffset(
  links: Links,
  to: TopologyNode,
  offset: number,
  report: (line: string) => void,
): Promise<void> {
  const now = await stateOf(links, to);
  if (now && now.offset < offset) {
    report(`${to.name} is at offset ${now.offset}, but the old master was at ${offset}: writes may be missing`);
  }
}
