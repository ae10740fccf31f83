import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type net from "node:net";
import { askOften } from "./ask-often.ts";
import { type Request, type Response, serve, type ServerStatus } from "./control.ts";
import { confirmMaster, rememberData } from "./fence.ts";
import { SentinelSight } from "./sentinel-sight.ts";
import { logger, rotateLogs } from "./log.ts";
import { Guard } from "./guard.ts";
import { restartWithEpoch, writeEpoch } from "./handover/epoch.ts";
import { allNodes } from "../topology/node-spec.ts";
import { appliedSpec, type NodeFolder, writeAtomically } from "./node-folder.ts";
import { recordOf, takeLock, waitFor } from "./processes.ts";
import { programHash, pruneOldPrograms } from "./program.ts";
import { restorePriority } from "./recency.ts";
import { speakAsAgent } from "./secrets.ts";
import { EndedAtOnce, type Server, type ServerName, serverNames, type ServerRecord } from "./server.ts";
import { rollBack } from "./stage.ts";
import { SystemdServer } from "./systemd/systemd-server.ts";
import { serverOf } from "./systemd/server-of.ts";

/** How often the servers are looked at. An end of a server that this agent started is noticed at once. */
const LOOK_MS = 250;
/** While a master takes no writes, each look may be the one that lets it. */
const FENCED_LOOK_MS = 50;
/** Pause before a server that keeps ending is started again: doubled each time, reset when it has run for a while. */
const BACKOFF_MS = { first: 100, most: 5000, resetAfter: 10_000 };
const ROTATE_EVERY_MS = 60_000;
const FIRST_APPLY_MS = 60_000;
/** What a crash hand-over leaves to do, the lock included, does not wait longer than this for systemd to start the server. */
const CRASH_END_MS = 15_000;

interface Supervised {
  server: Server;
  /** Asked to stay stopped. */
  stopped: boolean;
  error: string | null;
  backoffMs: number;
  startedAt: number;
  retryAt: number;
  /** It ran, and nobody has told it to end: when it is gone, it has crashed. */
  expected: boolean;
  /** To be done before it starts the next time. */
  beforeStart?: (() => void) | undefined;
}

/**
 * The resident process of one node on the target `local`: keeps its redis-server and redis-sentinel running.
 * It may be killed at any time: the servers run on, and the next agent adopts them by their records.
 */
export class Resident {
  private readonly log: (message: string) => void;
  private supervised = new Map<ServerName, Supervised>();
  /** Work on the servers is done one step after the other, whoever asked for it. */
  private queue: Promise<unknown> = Promise.resolve();
  private leaving = false;
  private rolledBack: string | undefined;
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
    this.sight = new SentinelSight(this.log);
    const running = (): ServerRecord | undefined => this.supervised.get("redis")?.server.running();
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
      writeAtomically(path.join(this.folder.run, "agent.json"), JSON.stringify(recordOf(process.pid)));
      fs.rmSync(this.folder.socket, { force: true });
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
      process.on("unhandledRejection", (error) =>
        this.log(`agent: ${String((error as Error | undefined)?.stack ?? error)}`),
      );
      const guarding = this.guard.run();
      await this.watch();
      this.guard.close();
      await guarding;
      return 0;
    } finally {
      this.guard.close();
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
    speakAsAgent(allNodes(spec), this.folder);
    const before = this.supervised;
    this.supervised = new Map();
    for (const name of serverNames(spec.node)) {
      const server = serverOf(name, spec, this.folder, this.log);
      const found = before.has(name) ? undefined : await server.find();
      if (found) this.log(`${name}: adopted (pid ${found.pid})`);
      // How long a server that is adopted has been answering is not known: it counts from now.
      const fresh = {
        stopped: false,
        error: null,
        backoffMs: BACKOFF_MS.first,
        startedAt: performance.now(),
        retryAt: 0,
      };
      this.supervised.set(name, { expected: false, ...(before.get(name) ?? fresh), server });
    }
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
      const fenced = this.supervised.get("redis")?.server.running()?.fenced === true;
      await Promise.race([
        interrupted,
        delay(fenced ? FENCED_LOOK_MS : LOOK_MS, undefined, { signal: pause.signal }).catch(() => undefined),
      ]);
      pause.abort();
    }
    await this.queue;
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
    for (const supervised of this.supervised.values()) {
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
          if (crashed || performance.now() >= supervised.retryAt) await this.start(supervised);
          this.endCrash();
        }
        continue;
      }
      supervised.expected = true;
      supervised.error = null;
      if (performance.now() - supervised.startedAt > BACKOFF_MS.resetAfter) supervised.backoffMs = BACKOFF_MS.first;
      if (supervised.server.name === "redis") {
        this.endCrash();
        await this.settle(supervised.server, record, performance.now() - supervised.startedAt);
      } else if (this.asksOften !== record.pid) {
        if (await askOften(supervised.server.spec.node, this.log)) this.asksOften = record.pid;
      } else if (this.sight.isBlind(supervised.server.spec)) {
        await this.restartBlind(supervised);
      }
    }
  }

  private async restartBlind(supervised: Supervised): Promise<void> {
    this.sight.reset();
    this.log("sentinel: watches nothing, and the others name a master: restarted, to learn it");
    await this.stoppedWhile(supervised, () => supervised.server.stop());
    await this.start(supervised);
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
    const supervised = this.supervised.get(name);
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

  private async start(supervised: Supervised): Promise<void> {
    const { server } = supervised;
    try {
      if (!(await server.find())) {
        server.endLeftovers();
        await this.startOrRollBack(supervised);
      }
      supervised.error = null;
    } catch (error) {
      const message = (error as Error).message;
      if (message !== supervised.error) this.log(`${server.name}: ${message}`);
      supervised.error = message;
    }
    supervised.startedAt = performance.now();
    supervised.retryAt = performance.now() + supervised.backoffMs;
    supervised.backoffMs = Math.min(supervised.backoffMs * 2, BACKOFF_MS.most);
  }

  private async startOrRollBack(supervised: Supervised): Promise<void> {
    const { server } = supervised;
    const onExit = (): void => this.ended(supervised);
    try {
      await server.start(onExit);
    } catch (error) {
      if (!(error instanceof EndedAtOnce) || !rollBack(this.folder, server.name)) throw error;
      const why = `${server.name} does not start with its new configuration, so the previous one is back. ${error.message}`;
      this.log(why);
      await server.start(onExit);
      this.rolledBack = why;
      await this.adopt();
    }
  }

  private ended(supervised: Supervised): void {
    if (!supervised.stopped) this.log(`${supervised.server.name}: ended`);
    this.wake();
  }

  /** Stops a server for `work`, which starts it again. */
  private async stoppedWhile(supervised: Supervised, work: () => Promise<void>): Promise<void> {
    supervised.stopped = true;
    supervised.expected = false;
    try {
      await work();
    } finally {
      supervised.stopped = false;
    }
  }

  private async handle(request: Request): Promise<Response> {
    try {
      await this.carryOut(request);
      const { rolledBack } = this;
      if (request.do === "status" || rolledBack === undefined) return this.response();
      this.rolledBack = undefined;
      return { ...this.response(), rolledBack };
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
        for (const supervised of this.supervised.values()) {
          supervised.stopped = false;
          // It runs by now, whatever its start said that was under way.
          if (supervised.server.running()) supervised.error = null;
          else await this.start(supervised);
        }
        return;
      case "raise-epoch": {
        await this.adopt();
        const supervised = this.supervised.get("sentinel");
        if (!supervised) return;
        // systemd starts it again at once.
        supervised.beforeStart = (): void => writeEpoch(supervised.server, this.folder, request);
        await this.stoppedWhile(supervised, () =>
          restartWithEpoch(supervised.server, this.folder, request, () => this.ended(supervised)),
        ).finally(() => (supervised.beforeStart = undefined));
        return;
      }
      case "prepare":
        await this.prepare(request.server);
        return;
      case "stop":
      case "restart": {
        await this.adopt();
        const supervised = this.supervised.get(request.server);
        if (!supervised) return;
        await this.stoppedWhile(supervised, () => supervised.server.stop());
        supervised.stopped = request.do === "stop";
        if (request.do === "restart") await this.start(supervised);
      }
    }
  }

  private response(): Response {
    const servers: Partial<Record<ServerName, ServerStatus>> = {};
    for (const [name, { server, error }] of this.supervised) {
      servers[name] = { pid: server.running()?.pid ?? null, error };
    }
    return { pid: process.pid, program: programHash(), servers };
  }
}
