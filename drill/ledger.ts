/** Bits of one key: 8 KB. */
export const BITS_PER_KEY = 65_536;

/** How exactly `acknowledgedBy` knows the time, in milliseconds. */
const NOTE_EVERY_MS = 5;

/** Where a write is: one bit of one key. */
export interface Place {
  readonly key: string;
  readonly bit: number;
}

/** Acknowledged writes that a server does not have. Times are on the clock of `performance.now()`. */
export interface Lost {
  readonly count: number;
  /** When the first and the last of them were acknowledged; undefined when none is lost. */
  readonly firstAt?: number;
  readonly lastAt?: number;
}

/**
 * Every write of one writer, and when it was acknowledged.
 *
 * A write sets a bit of its own. So each one can be proven by itself at the end, none hides another one's loss, any
 * number of them fits into memory (8 KB for 65 536), and neither order nor repetition matters: a write that a client
 * sent again changes nothing, and neither does one that was given up and arrives later. Such a write may be there or
 * not; only a write that was acknowledged and is not there is lost.
 */
export class Ledger {
  /** Writes that were tried so far. */
  tried = 0;
  acknowledged = 0;
  /** By key: the time of each acknowledgement, 0 = none. */
  private readonly times: Float64Array[] = [];
  /** Now and then: a time, and the last write that was acknowledged by then. */
  private readonly notes: { at: number; write: number }[] = [];

  /** @param prefix all keys of the writer begin with it */
  constructor(private readonly prefix: string) {}

  /** Counts one more write as tried. @returns its number */
  begin(): number {
    if (this.tried % BITS_PER_KEY === 0) this.times.push(new Float64Array(BITS_PER_KEY));
    return this.tried++;
  }

  place(write: number): Place {
    return { key: `${this.prefix}:${Math.floor(write / BITS_PER_KEY)}`, bit: write % BITS_PER_KEY };
  }

  acknowledge(write: number, at: number): void {
    (this.times[Math.floor(write / BITS_PER_KEY)] as Float64Array)[write % BITS_PER_KEY] = at;
    this.acknowledged++;
    if (at - (this.notes.at(-1)?.at ?? -Infinity) >= NOTE_EVERY_MS) this.notes.push({ at, write });
  }

  /** A write that had been acknowledged at this time, one of the last; undefined when there was none. */
  acknowledgedBy(at: number): number | undefined {
    let [low, high] = [0, this.notes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.notes[middle] as { at: number }).at <= at) low = middle + 1;
      else high = middle;
    }
    return this.notes[low - 1]?.write;
  }

  /** Every key that a write may be in. */
  get keys(): string[] {
    return this.times.map((_, index) => `${this.prefix}:${index}`);
  }

  /** @param values what a server has under each of `keys`; null = nothing */
  lost(values: readonly (Uint8Array | null)[]): Lost {
    let count = 0;
    let [firstAt, lastAt] = [Infinity, 0];
    this.times.forEach((times, index) => {
      const value = values[index];
      times.forEach((at, bit) => {
        // As Redis counts: bit 0 is the highest one of the first byte.
        if (at === 0 || ((value?.[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) return;
        count++;
        firstAt = Math.min(firstAt, at);
        lastAt = Math.max(lastAt, at);
      });
    });
    return count === 0 ? { count } : { count, firstAt, lastAt };
  }
}
