import { Command, InvalidArgumentError } from "commander";
import { parseChaosLine } from "../test/support/chaos-line.ts";
import { DATA_GB, dataSizes } from "../test/support/data-sizes.ts";
import { summaryOf } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { positive, say } from "./program.ts";
import { runSuite } from "./suite.ts";

/**
 * `npm run bench:chaos [-- --runs 3] [--only chaos/04] [--data-gb 0,1,4]`: runs the chaos suite (`test/lab/chaos`) again and again, one file at a time, and makes
 * the table of docs/benchmarks.md of what it prints. A run in which a test fails ends it.
 */

interface Row {
  readonly gapsMs: number[];
  lost: number;
  acknowledged: number;
  lostWithWait: number;
  acknowledgedWithWait: number;
}

const { runs, only, dataGb } = new Command("npm run bench:chaos --")
  .description("Breaks a cluster on real hosts in many ways: how long clients could not write, and what was lost.")
  .option("--runs <number>", "how often", positive, 1)
  .option("--only <file>", "files whose path has this, for example chaos/04", "test/lab/chaos/")
  .option("--data-gb <sizes>", "sizes of the data set in chaos/09, in GB: for example 0,1,4", sizes, "1")
  .parse()
  .opts<{ runs: number; only: string; dataGb: string }>();

const rows = new Map<string, Row>();
const busy = busyMachine();
if (busy) say(busy);
try {
  await runSuite(only, runs, note, { env: { [DATA_GB]: dataGb } });
  process.stdout.write(`${await table()}\n`);
} catch (error) {
  say((error as Error).message);
  process.exitCode = 1;
}

/** @throws what the command line says of a value that cannot be used */
function sizes(text: string): string {
  try {
    dataSizes(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function note(line: string): boolean {
  const seen = parseChaosLine(line);
  if (!seen) return false;
  const { scenario, plain, wait } = seen;
  const row = rows.get(scenario) ?? { gapsMs: [], lost: 0, acknowledged: 0, lostWithWait: 0, acknowledgedWithWait: 0 };
  row.gapsMs.push(plain.longestGapMs);
  row.lost += plain.lost;
  row.acknowledged += plain.acknowledged;
  row.lostWithWait += wait.lost;
  row.acknowledgedWithWait += wait.acknowledged;
  rows.set(scenario, row);
  return true;
}

async function table(): Promise<string> {
  const head = ["scenario", "runs", "longest gap, median", "min to max", "lost", "lost with WAIT 1"];
  const lines = [...rows].map(([scenario, row]) => {
    const { median, min, max } = summaryOf(row.gapsMs);
    return [
      scenario,
      row.gapsMs.length,
      `${Math.round(median)} ms`,
      `${min} to ${max}`,
      `${row.lost} of ${row.acknowledged}`,
      `${row.lostWithWait} of ${row.acknowledgedWithWait}`,
    ];
  });
  const date = new Date().toISOString().slice(0, 10);
  const text = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return [`Measured on ${date}: ${await describeMachine()}.`, "", ...text].join("\n");
}
