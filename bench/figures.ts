/** What was measured, what it may cost at most, and what follows from the two. Pure. */

export type Unit = "s" | "ms" | "µs" | "MB" | "%" | "x";

export interface Figure {
  /** Stable, for programs that compare runs: `terragrunt-from-nothing`. */
  readonly id: string;
  readonly what: string;
  /** `MB` is a million bytes; `%` is of one core; `x` is how often the one fits into the other. */
  readonly unit: Unit;
  /** The counted runs, in the order in which they were made; never the warm-up. */
  readonly samples: readonly number[];
  /** The median must be below this. */
  readonly budget?: number;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws when there is no sample, or one is not a number: a gap must not pass for a figure */
export function summaryOf(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new Error("no sample was taken");
  if (!samples.every(Number.isFinite)) throw new Error(`not all samples are numbers: ${samples.join(", ")}`);
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] as number;
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

/** Whether the median keeps the budget; undefined when there is none. */
export function holds({ samples, budget }: Figure): boolean | undefined {
  return budget === undefined ? undefined : summaryOf(samples).median < budget;
}

/**
 * The difference of two figures, run by run: what ran right after each other had the same load to bear.
 * @param scale what each difference is multiplied by, for example 1000 / 24 for milliseconds a zone over 24 zones
 * @throws when the two do not have equally many samples
 */
export function differences(more: readonly number[], less: readonly number[], scale = 1): number[] {
  if (more.length !== less.length) throw new Error(`${more.length} samples cannot be paired with ${less.length}`);
  return more.map((sample, index) => (sample - (less[index] as number)) * scale);
}
