import { Command } from "commander";
import { parseLifeLine, type Step } from "../test/support/cloud/life-line.ts";
import { summaryOf } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { positive, say } from "./program.ts";
import { runSuite } from "./suite.ts";

/**
 * `npm run bench:aws [-- --runs 3]`: what each step of an environment's life on AWS takes, with hosts of the lab as its machines: runs `test/lab/aws` again and again,
 * and makes the table of docs/benchmarks.md of what it prints. A run in which a test fails ends it.
 */

const { runs, only } = new Command("npm run bench:aws --")
  .description(
    "Lives the life of environments on AWS in the lab: how long each step takes, and what clients see of it.",
  )
  .option("--runs <number>", "how often", positive, 1)
  .option("--only <file>", "files whose path has this, for example aws/dev", "test/lab/aws/")
  .parse()
  .opts<{ runs: number; only: string }>();

/** By life and step. */
const rows = new Map<string, Step[]>();
const busy = busyMachine();
if (busy) say(busy);
try {
  await runSuite(only, runs, note);
  process.stdout.write(`${await table()}\n`);
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}

function note(line: string): boolean {
  const seen = parseLifeLine(line);
  if (!seen) return false;
  const key = `${seen.life} ${seen.step}`;
  rows.set(key, [...(rows.get(key) ?? []), seen]);
  return true;
}

async function table(): Promise<string> {
  const head = ["environment", "step", "runs", "took", "longest gap", "lost", "restarted"];
  const lines = [...rows.values()].map((steps) => {
    const [first] = steps;
    const gaps = steps.flatMap(({ longestGapMs }) => longestGapMs ?? []);
    const median = (values: readonly number[]): number => summaryOf(values).median;
    return [
      first?.life ?? "",
      first?.step ?? "",
      steps.length,
      `${median(steps.map(({ seconds }) => seconds)).toFixed(1)} s`,
      gaps.length === 0 ? "" : `${Math.round(median(gaps))} ms`,
      gaps.length === 0 ? "" : steps.reduce((sum, { lost = 0 }) => sum + lost, 0),
      [...new Set(steps.map(({ restarted }) => restarted.join(", ") || "none"))].join("; or "),
    ];
  });
  const date = new Date().toISOString().slice(0, 10);
  const text = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return [`Measured on ${date}: ${await describeMachine()}.`, "", ...text].join("\n");
}
