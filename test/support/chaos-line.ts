/** What one writer saw. */
export interface Seen {
  readonly acknowledged: number;
  readonly lost: number;
  /** Longest time between two acknowledged writes of which the second came after the fault, in milliseconds. */
  readonly longestGapMs: number;
}

export interface Outcome {
  readonly before: string;
  readonly after: string;
  /** A client for which the master's answer is enough. */
  readonly plain: Seen;
  /** One that asks for WAIT 1. */
  readonly wait: Seen;
}

/** The one line that a scenario prints: for the client without and with WAIT 1 the gap, and what was lost. */
export const chaosLine = (scenario: string, { plain, wait, before, after }: Outcome): string =>
  `chaos: ${scenario} | gap ${plain.longestGapMs} ms, lost ${plain.lost} of ${plain.acknowledged} | ` +
  `WAIT 1: gap ${wait.longestGapMs} ms, lost ${wait.lost} of ${wait.acknowledged} | ` +
  (before === after ? `${before} stays master` : `master ${before}, then ${after}`);

/** @returns what such a line says, or undefined for any other line */
export function parseChaosLine(line: string): { scenario: string; plain: Seen; wait: Seen } | undefined {
  const seen = String.raw`gap (\d+) ms, lost (\d+) of (\d+)`;
  const found = new RegExp(`chaos: (.+) \\| ${seen} \\| WAIT 1: ${seen} \\| `).exec(line);
  if (!found) return undefined;
  const seenAt = (index: number): Seen => ({
    longestGapMs: Number(found[index]),
    lost: Number(found[index + 1]),
    acknowledged: Number(found[index + 2]),
  });
  return { scenario: found[1] ?? "", plain: seenAt(2), wait: seenAt(5) };
}
