import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type net from "node:net";
import { askOften } from "./ask-often.ts";
import { type Request, type Response, serve } from "./control.ts";
import { confirmMaster, rememberData } from "./fence.ts";
import { SentinelSight } from "./sentinel-sight.ts";
import { logger, rotateLogs } from "./log.ts";
import { Guard } from "./guard.ts";
import { restartWithEpoch, writeEpoch } from "./handover/epoch.ts";
import { appliedSpec, type NodeFolder, writeAtomically } from "./node-folder.ts";
import { recordOf, takeLock, waitFor } from "./processes.ts";
import { programHash, pruneOldPrograms } from "./program.ts";
import { restorePriority } from "./recency.ts";
import type { Server, ServerName, ServerRecord } from "./server.ts";
import { type Supervised, SupervisedServers } from "./supervised.ts";
import { SystemdServer } from "./systemd/systemd-server.ts";

/** How often the servers are looked at, when nothing is to be done. The end of one is noticed at once, by its connection. */
const LOOK_MS = 1000;
/** While one does not run, or has something to be settled. */
const UNSETTLED_LOOK_MS = 250;
/** While a master takes no writes, each look may be the one that lets it. */
const FENCED_LOOK_MS = 50;
const ROTATE_EVERY_MS = 60_000;
const FIRST_APPLY_MS = 60_000;
/** What a crash hand-over leaves to do, the lock included, does not wait longer than this for systemd to start the server. */
const CRASH_END_MS = 15_000;

/**
 * The resident process of one node on the target `local`: keeps its redis-server and redis-sentinel running.
 * It may be killed at any time: the servers run on, and the next agent adopts them by their records.
 */
export class Resident {
  private readonly log: (message: string) => void;
  private readonly servers: SupervisedServers;
  /** Work on the servers is done one step after the other, whoever asked for it. */
  private queue: Promise<unknown> = Promise.resolve();
  private leaving = false;
  /** What is done about a master that died comes before its next start. */
  private crash: Promise<unknown> = Promise.resolve();
  private crashedAt = 0;
  private afterStart: (() => Promise<void>) | undefined;
  /** The process of the Sentinel that was told how often to ask. */
  private asksOften: number | undefined;
  private readonly sight: SentinelSight;
  /** Why the last look could not settle what redis-server was started with. */
  private unsettled: string | undefined;
  private readonly guard: Guard;
  private wake: () => void = () => undefined;

  /** @param without conditions of a crash hand-over that do not count; only tests leave any out */
  constructor(
    private readonly folder: NodeFolder,
    without: readonly string[] = [],
  ) {
    this.log = logger(path.join(folder.logs, "agent.log"));
    this.servers = new SupervisedServers(folder, this.log, {
      ended: () => this.wake(),
      rolledBack: () => this.adopt(),
    });
    this.sight = new SentinelSight(this.log, () => this.wake());
    const running = (): ServerRecord | undefined => this.servers.get("redis")?.server.running();
    this.guard = new Guard(folder, this.log, running, () => this.wake(), without);
  }

  /** Runs until it is told to leave. @returns the exit code */
  async run(): Promise<number> {
    const lock = takeLock(path.join(this.folder.run, "agent.lock"));
    if ("holder" in lock) {
      this.log(`another agent of this node runs (pid ${lock.holder.pid}); nothing to do`);
      return 0;
    }
    let control: net.Server | undefined;
    try {
      // In this order: whoever finds us alive must not ask an agent that was killed.
      fs.rmSync(this.folder.socket, { force: true });
      writeAtomically(path.join(this.folder.run, "agent.json"), JSON.stringify(recordOf(process.pid)));
      this.log(`agent ${programHash()} started (pid ${process.pid})`);
      // systemd starts an agent before the first apply has brought the node's spec.
      await waitFor("the first apply", () => (fs.existsSync(this.folder.spec) ? true : undefined), FIRST_APPLY_MS, 100);
      pruneOldPrograms(this.folder);
      await this.adopt();
      control = await serve(this.folder.socket, (request) =>
        // A status is given at once: the start of a server that is under way may take seconds.
        // And what waits in the queue for a start waits for this.
        ["status", "prepare"].includes(request.do) ? this.handle(request) : this.enqueue(() => this.handle(request)),
      );
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => this.leave(signal));
      // A mistake of ours must not leave the servers without anybody who starts them again.
      for (const event of ["unhandledRejection", "uncaughtException"])
        process.on(event, (error) => this.log(`agent: ${String((error as Error | undefined)?.stack ?? error)}`));
      const guarding = this.guard.run();
      await this.watch();
      this.guard.close();
      await guarding;
      return 0;
    } finally {
      this.guard.close();
      this.sight.close();
      control?.close();
      fs.rmSync(this.folder.socket, { force: true });
      lock.release();
    }
  }

  private leave(why: string): void {
    this.log(`agent leaves (${why}); the servers run on`);
    this.leaving = true;
    this.wake();
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** Takes the spec that is on disk now; keeps what is known of servers that it still lists. */
  private async adopt(): Promise<void> {
    const spec = appliedSpec(this.folder);
    if (!spec) throw new Error(`${this.folder.spec} is missing: this node was never applied`);
    await this.servers.adopt(spec);
    if (this.servers.get("sentinel")) this.sight.watch(spec);
    else this.sight.close();
    await this.guard.watch(spec);
  }

  private async watch(): Promise<void> {
    let rotated = -Infinity;
    while (!this.leaving) {
      // Nobody could find this agent any more, and it could start nothing.
      if (!fs.existsSync(this.folder.spec)) return;
      await this.enqueue(() => this.look()).catch((error: Error) => this.log(error.message));
      if (performance.now() - rotated > ROTATE_EVERY_MS) {
        rotated = performance.now();
        this.rotate();
      }
      const interrupted = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      const pause = new AbortController();
      await Promise.race([
        interrupted,
        delay(this.restMs(), undefined, { signal: pause.signal }).catch(() => undefined),
      ]);
      pause.abort();
    }
    await this.queue;
  }

  private restMs(): number {
    const [redis, sentinel] = [this.servers.get("redis"), this.servers.get("sentinel")];
    const [data, watcher] = [redis?.server.running(), sentinel?.server.running()];
    if (data?.fenced) return FENCED_LOOK_MS;
    const settled = data?.priority === undefined && fs.existsSync(this.folder.initialised);
    const quiet = (!redis || (data && settled)) && (!sentinel || (watcher && watcher.pid === this.asksOften));
    return quiet ? LOOK_MS : UNSETTLED_LOOK_MS;
  }

  private rotate(): void {
    try {
      rotateLogs(this.folder.logs);
    } catch (error) {
      this.log(`logs could not be rotated: ${(error as Error).message}`);
    }
  }

  /** Starts what should run and does not, and settles a fenced master. */
  private async look(): Promise<void> {
    for (const supervised of this.servers.all()) {
      if (supervised.stopped || this.leaving) continue;
      const record = supervised.server.running();
      if (!record) {
        const crashed = supervised.expected && supervised.server.name === "redis";
        supervised.expected = false;
        if (crashed) this.noticeCrash(supervised);
        await this.crash;
        if (supervised.server instanceof SystemdServer) {
          if (await supervised.server.find()) supervised.startedAt = performance.now();
          else if (performance.now() - this.crashedAt > CRASH_END_MS) this.endCrash();
        } else {
          if (crashed || performance.now() >= supervised.retryAt) await this.servers.start(supervised);
          this.endCrash();
        }
        continue;
      }
      this.servers.runs(supervised);
      if (supervised.server.name === "redis") {
        this.endCrash();
        await this.settle(supervised.server, record, performance.now() - supervised.startedAt);
      } else if (this.asksOften !== record.pid) {
        if (await askOften(supervised.server.spec.node, this.log)) this.asksOften = record.pid;
      } else {
        const why = this.sight.needsRestart();
        if (why !== undefined) await this.restartSentinel(supervised, why);
      }
    }
  }

  private async restartSentinel(supervised: Supervised, why: string): Promise<void> {
    this.sight.reset();
    this.log(`sentinel: ${why}: restarted, to learn it`);
    await this.servers.stoppedWhile(supervised, () => supervised.server.stop());
    await this.servers.start(supervised);
  }

  /** A replica takes over where that loses nothing; what is left of it is done when the server runs again. */
  private noticeCrash(supervised: Supervised): void {
    supervised.expected = false;
    this.crashedAt = performance.now();
    const handle = async (): Promise<void> => {
      supervised.server.endLeftovers();
      this.afterStart = await this.guard.afterCrash();
    };
    this.crash = handle().catch((error: Error) =>
      this.log(`redis: the hand-over after its crash was not completed: ${error.message}`),
    );
  }

  /** Not awaited: it restarts a Sentinel, which is work for this queue too. */
  private endCrash(): void {
    const rest = this.afterStart;
    this.afterStart = undefined;
    rest?.().catch((error: Error) => this.log(`redis: ${error.message}`));
  }

  /**
   * The prestart step of a server that systemd is about to start, beside the queue: whoever waits there for the start
   * waits for this.
   */
  private async prepare(name: ServerName): Promise<void> {
    const supervised = this.servers.get(name);
    if (!(supervised?.server instanceof SystemdServer)) throw new Error(`${name} is not started by systemd here`);
    // Here it may be noticed first that the server has died.
    if (name === "redis" && supervised.expected && !supervised.server.running()) this.noticeCrash(supervised);
    await this.crash;
    supervised.beforeStart?.();
    await supervised.server.prepare();
  }

  /** Notes that the node holds data, lifts or settles a fence, and ends what only a start needs. Mostly none is due. */
  private async settle(server: Server, record: ServerRecord, upMs: number): Promise<void> {
    const noted = fs.existsSync(this.folder.initialised);
    const caughtUp = record.priority !== undefined && this.guard.inStep(record);
    if (noted && !record.fenced && !caughtUp) return;
    const spec = appliedSpec(this.folder);
    if (!spec) return;
    try {
      if (!noted) await rememberData(spec, this.folder);
      if (record.fenced && (await confirmMaster(spec, this.folder, this.log, upMs))) server.unfenced(record);
      else if (caughtUp) {
        await restorePriority(spec);
        server.caughtUp(record);
      }
      this.unsettled = undefined;
    } catch (error) {
      // The server is loading, or just ended: the next look tries again, and what it finds again is said once.
      const { message } = error as Error;
      if (server.running() && message !== this.unsettled) this.log(`redis: ${message}`);
      this.unsettled = message;
    }
  }

  private async handle(request: Request): Promise<Response> {
    try {
      await this.carryOut(request);
      const rolledBack = request.do === "status" ? undefined : this.servers.takeRolledBack();
      return { ...this.response(), ...(rolledBack === undefined ? {} : { rolledBack }) };
    } catch (error) {
      return { ...this.response(), error: (error as Error).message };
    }
  }

  private async carryOut(request: Request): Promise<void> {
    switch (request.do) {
      case "status":
        return;
      case "leave":
        this.leave("asked to");
        return;
      case "ensure":
        await this.adopt();
        for (const supervised of this.servers.all()) {
          supervised.stopped = false;
          // It runs by now, whatever its start said that was under way.
          if (supervised.server.running()) supervised.error = null;
          else await this.servers.start(supervised);
        }
        return;
      case "raise-epoch": {
        await this.adopt();
        const supervised = this.servers.get("sentinel");
        if (!supervised) return;
        // systemd starts it again at once.
        supervised.beforeStart = (): void => writeEpoch(supervised.server, this.folder, request);
        await this.servers
          .stoppedWhile(supervised, () =>
            restartWithEpoch(supervised.server, this.folder, request, () => this.servers.ended(supervised)),
          )
          .finally(() => (supervised.beforeStart = undefined));
        return;
      }
      case "prepare":
        await this.prepare(request.server);
        return;
      case "stop":
      case "restart": {
        await this.adopt();
        const supervised = this.servers.get(request.server);
        if (!supervised) return;
        await this.servers.stoppedWhile(supervised, () => supervised.server.stop());
        supervised.stopped = request.do === "stop";
        if (request.do === "restart") await this.servers.start(supervised);
      }
    }
  }

  private response(): Response {
    return { pid: process.pid, program: programHash(), servers: this.servers.status() };
  }
}
