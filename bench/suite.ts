import path from "node:path";
import readline from "node:readline";
import { execa } from "execa";
import { say } from "./program.ts";

const project = path.resolve(import.meta.dirname, "..");

/** Clusters are taken down first. */
const PATIENCE_MS = 120_000;

interface SuiteOptions {
  /** For the tests, beside our own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the run, and the tests with it. @default - they end with this process: an interrupt goes to the whole group */
  readonly signal?: AbortSignal;
}

/**
 * Runs test files again and again, one at a time, for the figures that they print.
 * @param only files whose path has this
 * @param note told each line of their output, which is shown, too; says whether it is a figure
 * @throws when a test has failed, or a run had no figure, as where all is skipped
 */
export async function runSuite(
  only: string,
  runs: number,
  note: (line: string) => boolean,
  { env = {}, signal }: SuiteOptions = {},
): Promise<void> {
  for (let run = 1; run <= runs; run++) {
    say(`run ${run} of ${runs}`);
    const vitest = path.join(project, "node_modules/.bin/vitest");
    const suite = execa(vitest, ["run", "--no-file-parallelism", only], {
      cwd: project,
      env,
      stdin: "ignore",
      all: true,
      buffer: false,
      reject: false,
      ...(signal === undefined ? {} : { cancelSignal: signal, forceKillAfterDelay: PATIENCE_MS }),
    });
    let figures = 0;
    for await (const line of readline.createInterface({ input: suite.all })) {
      say(line);
      if (note(line)) figures++;
    }
    const { exitCode } = await suite;
    signal?.throwIfAborted();
    if (exitCode !== 0) throw new Error("a test has failed: no table is made of it");
    if (figures === 0) throw new Error(`no test of ${only} has printed a figure: see above why they were skipped`);
  }
}
