/** What one step of an environment's life on AWS cost. */
export interface Step {
  /** The environment and its driver, as `prod, Terragrunt`. */
  readonly life: string;
  readonly step: string;
  readonly seconds: number;
  /** Of a client that writes all the time: the longest time between two acknowledged writes. Absent: none wrote. */
  readonly longestGapMs?: number | undefined;
  /** Acknowledged writes that are not there in the end. */
  readonly lost?: number | undefined;
  /** The nodes whose redis-server, or Sentinel of a witness, is another process than before. */
  readonly restarted: readonly string[];
}

/** The one line that a step prints, for what `npm run bench:aws` makes a table of. */
export const lifeLine = ({ life, step, seconds, longestGapMs, lost, restarted }: Step): string =>
  `aws: ${life} | ${step} | ${seconds.toFixed(1)} s | ` +
  (longestGapMs === undefined ? "no client" : `gap ${longestGapMs} ms, lost ${lost}`) +
  ` | restarted: ${restarted.join(", ") || "none"}`;

/** @returns what such a line says, or undefined for any other line */
export function parseLifeLine(line: string): Step | undefined {
  const found = /aws: (.+?) \| (.+?) \| ([\d.]+) s \| (?:no client|gap (\d+) ms, lost (\d+)) \| restarted: (.+)$/.exec(
    line,
  );
  if (!found) return undefined;
  const [, life = "", step = "", seconds, gap, lost, restarted = ""] = found;
  return {
    life,
    step,
    seconds: Number(seconds),
    ...(gap === undefined ? {} : { longestGapMs: Number(gap), lost: Number(lost) }),
    restarted: restarted === "none" ? [] : restarted.split(", "),
  };
}
