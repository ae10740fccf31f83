/** The longest time without a success, in milliseconds. */
export interface Gap {
  readonly ms: number;
  /** When it began, counted from the fault; negative = shortly before it. */
  readonly beganMs: number;
  /** It lasted until the end: the client did not recover. */
  readonly open: boolean;
}

/** Finds the longest interval between two successes. Times are on the clock of `performance.now()`. */
export class GapMeter {
  /** The last success. */
  last: number | undefined;
  private faultAt = 0;
  private longest = { ms: 0, from: 0 };

  success(at: number): void {
    if (this.last !== undefined && at - this.last > this.longest.ms) {
      this.longest = { ms: at - this.last, from: this.last };
    }
    this.last = at;
  }

  /** From here on it counts. The interval that is under way counts whole: the fault is in it. */
  fault(at: number): void {
    this.faultAt = at;
    this.longest = { ms: 0, from: this.last ?? at };
  }

  /**
   * @param at the end
   * @param recovered whether what was tried last succeeded; if not, the time since the last success counts too
   */
  end(at: number, recovered: boolean): Gap {
    const from = this.last ?? this.faultAt;
    const open = !recovered && at - from > this.longest.ms;
    const { ms, from: began } = open ? { ms: at - from, from } : this.longest;
    return { ms, beganMs: began - this.faultAt, open };
  }
}
