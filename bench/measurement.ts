import type { Command, Commands, Done } from "./commands.ts";

export interface Timed extends Command {
  readonly id: string;
  /**
   * Looks at what the command printed: a fast command that did not do its work must not become a good figure.
   * @throws when it did not
   */
  readonly check?: (output: string) => void;
}

export interface Measurement {
  readonly commands: Commands;
  /** Counted runs. */
  readonly runs: number;
  /** One line of progress. */
  readonly say: (line: string) => void;
}

/**
 * Rounds of the same commands, so that a change of the machine's load meets all of them alike: one round to warm up,
 * then the counted ones.
 * @param prepare done before each round, not timed
 * @returns the seconds of each command's counted runs, by its id
 */
export async function rounds<Id extends string>(
  { commands, runs, say }: Measurement,
  timed: readonly (Timed & { readonly id: Id })[],
  prepare: () => Promise<void> = () => Promise.resolve(),
): Promise<Record<Id, number[]>> {
  const samples = Object.fromEntries(timed.map(({ id }) => [id, [] as number[]])) as Record<Id, number[]>;
  for (let round = 0; round <= runs; round++) {
    await prepare();
    for (const one of timed) {
      const { seconds, output }: Done = await commands.time(one);
      one.check?.(output);
      if (round > 0) samples[one.id].push(seconds);
      say(`${one.id} ${round === 0 ? "warm-up" : `${round} of ${runs}`}: ${seconds.toFixed(2)} s`);
    }
  }
  return samples;
}
