import { setTimeout as delay } from "node:timers/promises";
import { highestEpoch, type RedisAnswer, redisEndpoint } from "../../cluster/answers.ts";
import type { Links } from "../../cluster/links.ts";
import { ClusterLock } from "../../cluster/lock.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { settingsOf } from "../handover/announce.ts";
import { settleEpoch } from "../handover/handover.ts";
import { type Journal, readJournal, removeJournal, writeJournal } from "../handover/journal.ts";
import { passedOn } from "../handover/passed-on.ts";
import type { NodeFolder } from "../node-folder.ts";
import { isExiting } from "../processes.ts";
import { inFailover } from "../role.ts";
import { redisRecord } from "../server.ts";
import { setAside } from "./append-only-file.ts";
import { decideCrash, latestStart, type MasterSample } from "./decide.ts";
import { promote } from "./promote.ts";

/** The kernel still delivers what the dead server had sent; then the replicas see the end of their link. */
const DRAIN_TIMEOUT_MS = 300;
/** One that needs longer counts as silent: the server must be up again before Sentinel looks for it, a second later. */
const SILENT_MS = 150;

export interface Crash {
  readonly spec: NodeSpec;
  readonly folder: NodeFolder;
  readonly links: Links;
  readonly mode: "promote" | "restart";
  readonly sample: MasterSample | undefined;
  readonly downAfterMs: number;
  readonly log: (line: string) => void;
  /** Conditions that do not count, `candidate` and `proof` among them; only tests leave any out. */
  readonly without?: readonly string[];
}

/**
 * What is done when the process of a master has died while its host lives: a replica takes over at once where that
 * provably loses nothing, which takes some 50 ms instead of Sentinel's 3 s. Otherwise nothing, and the caller starts the
 * server again where it was.
 *
 * To be called before the server is started again.
 * @returns the end of the hand-over, to be run after the dead server has been started as a replica; undefined when no
 * replica took over
 */
export async function handleCrash(crash: Crash): Promise<(() => Promise<void>) | undefined> {
  const { links, log, spec } = crash;
  const started = performance.now();
  const restart = (why: string): undefined => {
    const unwritten = crash.sample?.unwrittenBytes ?? 0;
    const doubt = unwritten > 0 ? `; ${unwritten} bytes were not in its append-only file at the last sample` : "";
    log(`redis: crashed as master; decision: restart in place: ${why}${doubt}`);
    return undefined;
  };
  const judge = async () => {
    const [servers, sentinels] = await Promise.all([drained(crash), links.askSentinels({ withinMs: SILENT_MS })]);
    const handingOver = readJournal(crash.folder) !== undefined;
    const facts = { ...crash, node: spec.node, now: performance.now(), servers, sentinels, handingOver };
    return { sentinels, decision: decideCrash(facts, crash.without) };
  };
  // Most reasons against it are seen at once, and the server is started again the sooner.
  const first = await judge();
  if (first.decision.do === "restart") return restart(first.decision.because);
  let lock: ClusterLock | undefined;
  try {
    lock = await ClusterLock.take(links, `crash-of-${spec.node.name}`);
  } catch (error) {
    return restart((error as Error).message);
  }
  if (!lock) return restart("no majority of Sentinels answers");
  let keepLock = false;
  try {
    const { decision, sentinels } = await judge();
    if (decision.do === "restart") return restart(decision.because);
    log(`redis: crashed as master; decision: promote ${decision.to.name}: ${decision.because}`);
    const journal: Omit<Journal, "version" | "holder"> = {
      kind: "crash",
      from: spec.node.name,
      to: decision.to.name,
      stage: "switching",
      epoch: highestEpoch(sentinels),
      settings: settingsOf(sentinels, links.group.quorum),
      minReplicasToWrite: "0",
    };
    writeJournal(crash.folder, journal);
    const replayed = await promoted(crash, decision.to);
    if (replayed === undefined) return undefined;
    writeJournal(crash.folder, { ...journal, stage: "announcing" });
    await passedOn({ links, from: undefined, to: decision.to, settings: journal.settings });
    writeJournal(crash.folder, { ...journal, stage: "epoch" });
    log(`redis: ${decision.to.name} is master after ${Math.round(performance.now() - started)} ms; ${replayed}`);
    log(`redis: what was on disk is kept in ${setAside(crash.folder.redisData)}`);
    keepLock = true;
    const held = lock;
    const { folder } = crash;
    return () =>
      settleEpoch({ links, lock: held, folder, from: spec.node.name, to: decision.to, epoch: journal.epoch }).finally(
        () => held.release(),
      );
  } finally {
    if (!keepLock) await lock.release();
  }
}

/** @returns what was played back, or undefined when the node was made a replica again */
async function promoted(
  { links, sample, folder, spec, log, without = [] }: Crash,
  to: TopologyNode,
): Promise<string | undefined> {
  try {
    if (without.includes("proof")) {
      await links.server(to.name, (redis) => redis.replicaof("NO", "ONE"));
      return "nothing was compared";
    }
    if (!sample) throw new Error("there is no sample to compare with");
    const replayed = await promote(links, to, sample, folder.redisData);
    // Playing back takes its time, in which the Sentinels may have begun themselves.
    if (inFailover(await links.askSentinels({ withinMs: SILENT_MS })))
      throw new Error("the Sentinels are failing over");
    return replayed;
  } catch (error) {
    log(`redis: decision changed to restart in place: ${(error as Error).message}`);
    const { address, port } = redisEndpoint(spec.node);
    await links.server(to.name, (redis) => redis.replicaof(address, port)).catch(() => undefined);
    removeJournal(folder);
    return undefined;
  }
}

/**
 * What the servers say when no replica gets anything any more. One that does not answer is waited for no longer than that.
 * With much data that takes its time: the kernel frees the memory first, 0.3 s for 1 GB on a busy computer, and closes the
 * connections then.
 */
async function drained({ links, spec, folder, sample, downAfterMs }: Crash): Promise<RedisAnswer[]> {
  const { node } = spec;
  const pid = redisRecord(folder)?.pid ?? 0;
  const latest = sample ? latestStart(sample, downAfterMs) : 0;
  let deadline = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    if (isExiting(pid) && performance.now() < latest) deadline = performance.now() + DRAIN_TIMEOUT_MS;
    const servers = await links.askServers(SILENT_MS);
    const busy = servers.some((answer) => answer.node.name !== node.name && answer.state?.link === "up");
    if (!busy || performance.now() > deadline) return servers;
    await delay(2);
  }
}
