import type { Redis } from "ioredis";
import type { ClientKind } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { PACE_MS, Traffic } from "./traffic.ts";

/** A replica that does not have a write this long after it was acknowledged answers with old data, in milliseconds. */
export const STALE_AFTER_MS = 500;

/** Reads from a replica what a writer has written. */
export class Reader {
  readonly traffic: Traffic;
  reads = 0;
  /** Reads that did not find a write which had been acknowledged `STALE_AFTER_MS` before. A lost one is never found. */
  stale = 0;

  /** Owns the client from here on; `traffic.stop` ends it. */
  constructor(
    private readonly redis: Redis,
    private readonly ledger: Ledger,
    readonly options: { readonly client: ClientKind },
  ) {
    this.traffic = new Traffic(redis, { lanes: 1, paceMs: PACE_MS, once: () => this.read() });
  }

  private async read(): Promise<void> {
    const write = this.ledger.acknowledgedBy(performance.now() - STALE_AFTER_MS);
    const { key, bit } = this.ledger.place(write ?? 0);
    const found = await this.redis.getbit(key, bit);
    this.reads++;
    if (write !== undefined && found === 0) this.stale++;
  }
}
