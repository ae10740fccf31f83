import { setTimeout as delay } from "node:timers/promises";
import { redisEndpoint } from "../cluster/answers.ts";
import { ClusterLock, Locked } from "../cluster/lock.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { handleCrash } from "./crash/crash.ts";
import { isUnderWay, readJournal, siblingFolder } from "./handover/journal.ts";
import { resumeHandOvers } from "./handover/resume.ts";
import type { NodeFolder } from "./node-folder.ts";
import { Observer } from "./observer.ts";
import { noteComplete } from "./restart.ts";
import { isAlive } from "./processes.ts";
import type { ServerRecord } from "./server.ts";
import { isReplacing } from "./role.ts";
import { downAfterOf } from "./standstill.ts";

/** What is not urgent: hand-overs that somebody left half-way, a server that hangs, a group that has become whole. */
const CHORES_MS = 1000;
/** Between two looks whether the Sentinels have begun: a master that is busy until then must not go on. */
const BEGUN_LOOK_MS = 25;

/**
 * The resident agent's eyes on its node's redis-server, and what it does about what it sees: hands a dead master's role
 * over where that loses nothing, ends hand-overs that were killed half-way, and frees the clients of a server that
 * hangs once another one is master.
 */
export class Guard {
  private observer: Observer | undefined;
  private readonly closing = new AbortController();
  private choring = false;
  private readonly told = new Map<string, string>();
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
    if (spec.node.redisPort === undefined) {
      this.observer?.close();
      this.observer = undefined;
      return;
    }
    if (this.observer && JSON.stringify(this.observer.spec) === JSON.stringify(spec)) return;
    const fresh = await Observer.open(spec, this.folder, this.log, {
      lost: this.onLost,
      unkillable: () => this.endBusy(fresh),
    });
    this.observer?.close();
    this.observer = fresh;
  }

  /** This process of the server has all that its cluster has, on disk too. */
  inStep({ pid }: ServerRecord): boolean {
    return this.observer?.recency.inStep === pid;
  }

  /** Observes until `close`, whatever else the agent is busy with. */
  async run(): Promise<void> {
    let choresAt = performance.now();
    while (!this.closing.signal.aborted) {
      const started = performance.now();
      await this.observer?.observe();
      // Clients wait on a server that hangs: whether it may be ended is looked at each time.
      const every = this.observer?.silentSince === undefined ? CHORES_MS : 0;
      if (performance.now() - choresAt > every) {
        choresAt = performance.now();
        void this.chores();
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
    this.busy = true;
    let rest: (() => Promise<void>) | undefined;
    try {
      rest = await handleCrash({
        spec,
        folder: this.folder,
        links,
        sample,
        mode: spec.onMasterCrash ?? "promote",
        downAfterMs: downAfterOf(spec),
        log: this.log,
        without: this.without,
      });
    } finally {
      this.busy = rest !== undefined;
    }
    return rest && (() => rest().finally(() => (this.busy = false)));
  }

  /** Each by itself, and beside the observing: the end of a hand-over takes seconds. */
  private async chores(): Promise<void> {
    const { observer } = this;
    if (!observer || this.choring) return;
    this.choring = true;
    try {
      await this.chore("hand-over", () => this.endHandOvers(observer));
      await this.chore("hang", () => this.freeClients(observer));
      await this.chore("disk", () => this.stepDown(observer));
      await this.chore("complete", () => noteComplete({ folder: this.folder, links: observer.links }));
    } finally {
      this.choring = false;
    }
  }

  /** What fails is tried again a second later, and told once. */
  private async chore(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.told.delete(name);
    } catch (error) {
      const { message } = error as Error;
      if (this.told.get(name) !== message) this.log(message);
      this.told.set(name, message);
    }
  }

  /**
   * Of any node whose folder is here: when the agent of a dead master dies after it has made a replica master, the
   * Sentinels do not know of that, and would make master whichever other replica they find.
   */
  private async endHandOvers({ links }: Observer): Promise<void> {
    const journals = links.servers.map(({ node }) => readJournal(siblingFolder(this.folder, node.name)));
    if (this.busy || !journals.some((journal) => journal && !isUnderWay(journal))) return;
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
   * Ends a master with the script that keeps it busy, which has written and so cannot be killed alone, as soon as the
   * Sentinels have begun to replace it: they do not stop when the script ends, and what clients write from then on would be
   * lost. Not before: clients send such a script again when their connection ends, and it would go on like that.
   */
  private async endBusy(observer: Observer): Promise<void> {
    const { spec, links } = observer;
    const record = this.running();
    if (!record || record.pid !== observer.masterPid) return;
    const { silentSince } = observer;
    const still = (): boolean => observer.silentSince === silentSince && isAlive(record);
    while (silentSince !== undefined && still() && !this.closing.signal.aborted) {
      await delay(BEGUN_LOOK_MS);
      const sentinels = await links.askSentinels({ withinMs: 150 });
      if (!sentinels.some(isReplacing)) continue;
      const busy = await links
        .server(spec.node.name, (redis) => redis.ping())
        .then(
          () => false,
          ({ message }: Error) => message.startsWith("BUSY"),
        );
      if (!busy || !still()) return;
      const silentMs = Math.round(performance.now() - silentSince);
      this.log(
        `redis: a script that has written keeps it busy for ${silentMs} ms, and the Sentinels replace it: killed with it`,
      );
      process.kill(record.pid, "SIGKILL");
    }
  }

  /**
   * Kills a server that hangs, but only when it was master and is it no more: a client that waits on its socket would
   * wait for ever. One that is still master may be at work on a slow command, and killing it would make every such
   * command an outage; so may a replica.
   */
  private async freeClients(observer: Observer): Promise<void> {
    const record = this.running();
    const { silentSince } = observer;
    if (!record || record.pid !== observer.masterPid || silentSince === undefined) return;
    const silentMs = performance.now() - silentSince;
    if (silentMs < downAfterOf(observer.spec)) return;
    const successor = await observer.replacedBy();
    // It may have answered meanwhile, and then it knows by now that it is a replica.
    if (successor === undefined || observer.silentSince !== silentSince) return;
    this.log(
      `redis: silent for ${Math.round(silentMs)} ms, and ${successor.name} is master: killed, so that its clients come free`,
    );
    observer.sample = undefined;
    process.kill(record.pid, "SIGKILL");
  }

  /**
   * Makes a master that cannot write to its disk a replica, once it was replaced: the Sentinels take it for down, as it
   * answers PING with an error, and would tell it some ten seconds after its successor. Until then its clients stay and get
   * errors; and with room on its disk again it would take writes that are lost.
   */
  private async stepDown(observer: Observer): Promise<void> {
    if (!observer.sample) return;
    const { spec, links } = observer;
    const cannotWrite = await links
      .server(spec.node.name, (redis) => redis.ping())
      .then(
        () => false,
        ({ message }: Error) => message.startsWith("MISCONF"),
      );
    const successor = cannotWrite ? await observer.replacedBy() : undefined;
    if (!successor) return;
    this.log(`redis: cannot write to its disk, and ${successor.name} is master: becomes its replica`);
    const { address, port } = redisEndpoint(successor);
    await links.server(spec.node.name, async (redis) => {
      await redis.replicaof(address, port);
      await redis.call("CLIENT", "KILL", "TYPE", "normal");
      await redis.config("REWRITE");
    });
  }
}
