import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { createClient } from "../../drill/clients.ts";
import type { ClientLogins } from "../../secrets/logins.ts";
import type { Topology } from "../../topology/topology.ts";

const PACE_MS = 3;
const CHECKED_AT_ONCE = 1000;

export interface Load {
  readonly acknowledged: number;
  /** Numbers of acknowledged writes that the asked server does not have. */
  readonly lost: readonly number[];
  /** Longest time between two acknowledged writes, in milliseconds. */
  readonly longestGapMs: number;
  /** What the client was told instead of an acknowledgement. */
  readonly errors: readonly string[];
}

/** A client as `redis-ha connect --ioredis` describes it, which writes one new key after the other. */
export class SteadyWriter {
  private readonly redis: Redis;
  private readonly acknowledged: number[] = [];
  private readonly errors: string[] = [];
  private longestGapMs = 0;
  private lastAt = performance.now();
  private stopped = false;
  private readonly loop: Promise<void>;

  constructor(
    topology: Pick<Topology, "nodes" | "masterName">,
    logins: ClientLogins,
    private readonly name = `steady-${process.hrtime.bigint()}`,
  ) {
    this.redis = createClient("recommended", topology, "master", logins);
    this.loop = this.write();
  }

  get count(): number {
    return this.acknowledged.length;
  }

  /** The longest gap since the last call of this, one that goes on included, in milliseconds. */
  takeGapMs(): number {
    const gap = Math.max(this.longestGapMs, performance.now() - this.lastAt);
    this.longestGapMs = 0;
    return gap;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    // A write that never comes back must not keep the test.
    await Promise.race([this.loop, delay(2000)]);
    this.redis.disconnect();
    await Promise.race([this.loop, delay(1000)]);
  }

  /** Stops, and looks on one server for everything that was acknowledged. */
  async finish(server: Endpoint): Promise<Load> {
    const longestGapMs = Math.max(this.longestGapMs, performance.now() - this.lastAt);
    await this.stop();
    const lost: number[] = [];
    for (let from = 0; from < this.acknowledged.length; from += CHECKED_AT_ONCE) {
      const some = this.acknowledged.slice(from, from + CHECKED_AT_ONCE);
      const values = await withConnection(server, (redis) => redis.mget(some.map((n) => this.key(n))), 5000);
      lost.push(...some.filter((number, index) => values[index] !== String(number)));
    }
    return { acknowledged: this.count, lost, longestGapMs, errors: this.errors };
  }

  private key(number: number): string {
    return `${this.name}:${number}`;
  }

  private async write(): Promise<void> {
    for (let number = 0; !this.stopped; number++) {
      try {
        await this.redis.set(this.key(number), String(number));
        const now = performance.now();
        if (this.acknowledged.length > 0) this.longestGapMs = Math.max(this.longestGapMs, now - this.lastAt);
        this.lastAt = now;
        this.acknowledged.push(number);
      } catch (error) {
        if (!this.stopped) this.errors.push((error as Error).message);
      }
      await delay(PACE_MS);
    }
  }
}
