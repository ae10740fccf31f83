import type { Redis } from "ioredis";
import type { ClientKind } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { PACE_MS, Traffic } from "./traffic.ts";

/** `paced`: one write at a time, every few milliseconds. `full`: as many as client and cluster can do. */
export const rates = ["paced", "full"] as const;
export type Rate = (typeof rates)[number];

export interface WriterOptions {
  readonly client: ClientKind;
  readonly rate: Rate;
  /** A write counts as acknowledged only when a replica has it too (WAIT 1). */
  readonly wait: boolean;
}

/** Writes that are under way at the same time at the full rate: enough to keep a server on the same computer busy. */
const FULL_RATE_WRITES = 200;
/** Below the recommended socketTimeout: a WAIT without an answer is no dead connection. */
const WAIT_TIMEOUT_MS = 500;
/** A drill that is killed cannot remove its keys; they go by themselves. */
const KEY_LIFE_SECONDS = 3600;

/** The server took the write, and it is not known that a replica has it. The message is its kind. */
class Unconfirmed extends Error {}

/** Writes without end through one client, and keeps account of it in a ledger. */
export class Writer {
  readonly traffic: Traffic;
  /** Writes that the server had already: the client had sent them twice. */
  repeated = 0;
  /** Goes up when the connection is lost. */
  private connection = 0;

  /** Owns the client from here on; `traffic.stop` ends it. */
  constructor(
    private readonly redis: Redis,
    readonly ledger: Ledger,
    readonly options: WriterOptions,
  ) {
    redis.on("close", () => this.connection++);
    const full = options.rate === "full";
    this.traffic = new Traffic(redis, {
      lanes: full ? FULL_RATE_WRITES : 1,
      paceMs: full ? 0 : PACE_MS,
      once: () => this.write(),
    });
  }

  private async write(): Promise<void> {
    const write = this.ledger.begin();
    const { key, bit } = this.ledger.place(write);
    const { connection } = this;
    const before = await this.redis.setbit(key, bit, 1);
    if (this.options.wait) await this.confirm(connection);
    this.ledger.acknowledge(write, performance.now());
    this.repeated += before;
    if (bit === 0) this.redis.expire(key, KEY_LIFE_SECONDS).catch(() => undefined);
  }

  /**
   * WAIT speaks of the writes of its own connection. After a reconnect ioredis sends it again, on one that has not
   * written anything, and it is answered at once: such an answer says nothing about the write before.
   */
  private async confirm(connection: number): Promise<void> {
    const replicas = await this.redis.wait(1, WAIT_TIMEOUT_MS);
    if (connection !== this.connection) throw new Unconfirmed("WAIT: connection lost before");
    if (replicas < 1) throw new Unconfirmed("WAIT: no replica in time");
  }
}
