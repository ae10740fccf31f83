import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { ErrorCounter, type ErrorCounts, errorKind } from "./errors.ts";
import { type Gap, GapMeter } from "./gap.ts";

/** Between the starts of two commands of a client that is paced, in milliseconds. */
export const PACE_MS = 3;
/** A client that has ended fails every command at once, and a loop around it would take the whole processor. */
const PAUSE_AFTER_ERROR_MS = 10;
/** What is under way at the end gets this long to be answered, in milliseconds. */
const LAST_ANSWER_MS = 1500;

export interface TrafficOptions {
  /** Commands that are under way at the same time. */
  readonly lanes: number;
  readonly paceMs: number;
  /** Does the thing once. A rejection counts as an error of its kind. */
  readonly once: () => Promise<void>;
}

/** The same thing again and again through one client: how often it failed, and the longest time without a success. */
export class Traffic {
  private readonly meter = new GapMeter();
  private readonly counter = new ErrorCounter();
  private lanes: Promise<void>[] = [];
  private stopping = false;
  private ended = false;
  private lastSucceeded = false;

  /** Owns the client from here on: `stop` ends it. */
  constructor(
    private readonly redis: Redis,
    private readonly options: TrafficOptions,
  ) {}

  get errors(): ErrorCounts {
    return this.counter.counts;
  }

  /** When it last succeeded, on the clock of `performance.now()`. */
  get lastSuccess(): number | undefined {
    return this.meter.last;
  }

  start(): void {
    this.lanes = Array.from({ length: this.options.lanes }, () => this.lane());
  }

  /** Something is broken from now on. */
  fault(at: number): void {
    this.meter.fault(at);
  }

  /** Ends it, and the client. @returns the longest time without a success, from the fault on */
  async stop(): Promise<Gap> {
    this.stopping = true;
    const timer = new AbortController();
    const late = delay(LAST_ANSWER_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    const done = await Promise.race([Promise.all(this.lanes).then(() => true), late]);
    timer.abort();
    this.ended = true;
    const gap = this.meter.end(performance.now(), done === true && this.lastSucceeded);
    this.redis.disconnect();
    return gap;
  }

  private async lane(): Promise<void> {
    while (!this.stopping) {
      const began = performance.now();
      await this.once();
      const pause = Math.max(this.options.paceMs, this.lastSucceeded ? 0 : PAUSE_AFTER_ERROR_MS);
      const rest = began + pause - performance.now();
      if (rest > 0) await delay(rest);
    }
  }

  private async once(): Promise<void> {
    try {
      await this.options.once();
      this.meter.success(performance.now());
      this.lastSucceeded = true;
    } catch (error) {
      // What fails because the client was ended says nothing about the cluster.
      if (this.ended) return;
      this.counter.add(errorKind(error as Error));
      this.lastSucceeded = false;
    }
  }
}
