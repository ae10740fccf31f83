import { setTimeout as delay } from "node:timers/promises";
import { ClusterLock, Locked } from "../cluster/lock.ts";
import { parseSentinelFile } from "../topology/config-file.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { handleCrash } from "./crash/crash.ts";
import { isUnderWay, readJournal } from "./handover/journal.ts";
import { resumeHandOvers } from "./handover/resume.ts";
import type { NodeFolder } from "./node-folder.ts";
import { Observer } from "./observer.ts";
import { noteComplete } from "./restart.ts";
import type { ServerRecord } from "./server.ts";

/** What is not urgent: hand-overs that somebody left half-way, a server that hangs, a group that has become whole. */
const CHORES_MS = 1000;
/** Sentinel's own value, for a node whose Sentinels could not be asked. */
const DOWN_AFTER_MS = 2000;

/**
 * The resident agent's eyes on its node's redis-server, and what it does about what it sees: hands a dead master's role
 * over where that loses nothing, ends hand-overs that were killed half-way, and frees the clients of a server that
 * hangs once another one is master.
 */
export class Guard {
  private observer: Observer | undefined;
  private readonly closing = new AbortController();
  /** The process that `answeredAt` speaks of. */
  private watched: number | undefined;
  /** At work with the cluster's lock, of which one process can have one. */
  private busy = false;

  /** @param without conditions of a crash hand-over that do not count; only tests leave any out */
  constructor(
    private readonly folder: NodeFolder,
    private readonly log: (line: string) => void,
    private readonly running: () => ServerRecord | undefined,
    private readonly onLost: () => void,
    private readonly without: readonly string[] = [],
  ) {}

  /** Watches the node as this spec describes it; does nothing when it already does. */
  async watch(spec: NodeSpec): Promise<void> {
    if (spec.node.redisPort === undefined) return;
    if (this.observer && JSON.stringify(this.observer.spec) === JSON.stringify(spec)) return;
    const fresh = await Observer.open(spec, this.folder, this.log, this.onLost);
    this.observer?.close();
    this.observer = fresh;
  }

  /** Observes until `close`, whatever else the agent is busy with. */
  async run(): Promise<void> {
    let choresAt = performance.now();
    while (!this.closing.signal.aborted) {
      const started = performance.now();
      await this.observer?.observe();
      if (performance.now() - choresAt > CHORES_MS) {
        choresAt = performance.now();
        await this.chores().catch((error: Error) => this.log(error.message));
      }
      const rest = (this.observer?.restMs ?? CHORES_MS) - (performance.now() - started);
      await delay(Math.max(0, rest), undefined, { signal: this.closing.signal }).catch(() => undefined);
    }
  }

  close(): void {
    this.closing.abort();
    this.observer?.close();
  }

  /**
   * To be called when redis-server has ended without having been told to, before it is started again.
   * @returns what is left to be done after it was started again, if anything
   */
  async afterCrash(): Promise<(() => Promise<void>) | undefined> {
    const { observer } = this;
    // A replica that died is just started again.
    if (!observer?.sample) return undefined;
    if (this.busy) {
      this.log("redis: crashed as master; decision: restart in place: this agent is ending another hand-over");
      return undefined;
    }
    const { spec, links, sample } = observer;
    observer.sample = undefined;
    const timings = parseSentinelFile(spec.files["sentinel.conf"] ?? "").masters.get(spec.masterName);
    this.busy = true;
    let rest: (() => Promise<void>) | undefined;
    try {
      rest = await handleCrash({
        spec,
        folder: this.folder,
        links,
        sample,
        mode: spec.onMasterCrash ?? "promote",
        downAfterMs: Number(timings?.get("down-after-milliseconds") ?? DOWN_AFTER_MS),
        log: this.log,
        without: this.without,
      });
    } finally {
      this.busy = rest !== undefined;
    }
    return rest && (() => rest().finally(() => (this.busy = false)));
  }

  private async chores(): Promise<void> {
    const { observer } = this;
    if (!observer) return;
    await this.endHandOvers(observer);
    await this.freeClients(observer);
    await noteComplete({ folder: this.folder, links: observer.links });
  }

  private async endHandOvers({ links }: Observer): Promise<void> {
    const journal = readJournal(this.folder);
    if (!journal || isUnderWay(journal) || this.busy) return;
    this.busy = true;
    try {
      const lock = await ClusterLock.take(links, "end-of-a-hand-over");
      if (!lock) return;
      try {
        for (const line of await resumeHandOvers(links, lock, this.folder)) this.log(line);
      } finally {
        await lock.release();
      }
    } catch (error) {
      // Whoever has the lock ends it too.
      if (!(error instanceof Locked)) throw error;
    } finally {
      this.busy = false;
    }
  }

  /**
   * Kills a server that hangs, but only when it is master no more: a client that waits on its socket would wait for
   * ever. One that is still master may be at work on a slow command, and killing it would make every such command an
   * outage.
   */
  private async freeClients(observer: Observer): Promise<void> {
    const record = this.running();
    if (record?.pid !== this.watched) {
      // A process that has just been started was not asked yet.
      this.watched = record?.pid;
      observer.answeredAt = performance.now();
    }
    const silentMs = performance.now() - observer.answeredAt;
    if (!record || silentMs < DOWN_AFTER_MS) return;
    const successor = await observer.replacedBy();
    if (successor === undefined) return;
    this.log(
      `redis: silent for ${Math.round(silentMs)} ms, and ${successor} is master: killed, so that its clients come free`,
    );
    observer.sample = undefined;
    observer.answeredAt = performance.now();
    process.kill(record.pid, "SIGKILL");
  }
}
