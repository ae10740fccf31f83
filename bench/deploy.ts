import { parseTimingLine, TIMED, type TimedId } from "../test/support/timing-line.ts";
import type { Figure } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { benchCommand, type BenchOptions, runBench, say } from "./program.ts";
import { runSuite } from "./suite.ts";

/**
 * `npm run bench:deploy [-- --runs 5]`: how long it takes from three Debian hosts to a cluster, and to change it. Runs
 * test/lab/deploy.test.ts again and again, and makes a table of what it prints.
 */

const options = benchCommand("npm run bench:deploy --", "Measures what it costs to set up and change hosts in the lab.")
  .parse()
  .opts<BenchOptions>();

await runBench(options, async (signal) => {
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  const samples = new Map<TimedId, number[]>();
  let run = 0;
  const note = (line: string): boolean => {
    const seen = parseTimingLine(line);
    if (!seen) return false;
    if (seen.id === "deploy-new") run++;
    // The first run warms up.
    if (run > 1) samples.set(seen.id, [...(samples.get(seen.id) ?? []), seen.ms / 1000]);
    return true;
  };
  const { runs } = options;
  await runSuite("test/lab/deploy", runs + 1, note, { signal });
  const figures = [...samples].map(([id, seconds]): Figure => ({ id, unit: "s", samples: seconds, ...TIMED[id] }));
  return { date: new Date().toISOString().slice(0, 10), machine, runs, figures };
});
