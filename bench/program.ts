import { constants } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { jsonReport, markdownTable, type Report, terminalTable } from "./tables.ts";

/** What every benchmark takes on its command line. */
export interface BenchOptions {
  readonly runs: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
}

class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`);
  }
}

export const say = (line: string): void => void process.stderr.write(`${line}\n`);

export const positive = (value: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError("Use a whole number from 1 to 9999.");
  return Number(value);
};

/** A command line with the options that every benchmark has. */
export const benchCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option("--runs <number>", "counted runs of each figure, after one to warm up", positive, 5)
    .option("--markdown", "print the table of docs/benchmarks.md")
    .option("--json", "print one JSON document, with every sample");

/**
 * Measures, prints the report as it was asked for, and sets the exit code. An interrupted run ends what it has started.
 * @param measure is given a signal that ends it
 */
export async function runBench(
  options: BenchOptions,
  measure: (signal: AbortSignal) => Promise<Report>,
): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      say(`${signal}: ending what was started; this takes a few seconds`);
      interruption.abort(new Interrupted(signal));
    });
  }
  try {
    const report = await measure(interruption.signal);
    const format = options.json ? jsonReport : options.markdown ? markdownTable : terminalTable;
    process.stdout.write(`${format(report)}\n`);
  } catch (error) {
    const reason: unknown = interruption.signal.aborted ? interruption.signal.reason : error;
    say(reason instanceof Error ? reason.message : String(reason));
    process.exitCode = reason instanceof Interrupted ? 128 + constants.signals[reason.signal] : 1;
  }
}
