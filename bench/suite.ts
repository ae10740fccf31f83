import path from "node:path";
import readline from "node:readline";
import { execa } from "execa";
import { say } from "./program.ts";

const project = path.resolve(import.meta.dirname, "..");

/**
 * Runs test files again and again, one at a time, for the figures that they print. They end with this process: an
 * interrupt goes to the whole group.
 * @param only files whose path has this
 * @param onLine told each line of their output, which is shown, too
 * @param env for them, beside our own
 * @returns false when a test has failed; then no more runs were made
 */
export async function runSuite(
  only: string,
  runs: number,
  onLine: (line: string) => void,
  env: Record<string, string> = {},
): Promise<boolean> {
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
    });
    for await (const line of readline.createInterface({ input: suite.all })) {
      say(line);
      onLine(line);
    }
    if ((await suite).exitCode !== 0) {
      say("a test has failed: no table is made of it");
      return false;
    }
  }
  return true;
}
