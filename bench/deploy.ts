import { parseTimingLine } from "../test/support/timing-line.ts";
import type { Figure } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { benchCommand, type BenchOptions, runBench, say } from "./program.ts";
import { runSuite } from "./suite.ts";

/**
 * `npm run bench:deploy [-- --runs 5]`: how long it takes from three Debian hosts to a cluster, and to change it. Runs
 * test/lab/deploy.test.ts again and again, and makes a table of what it prints.
 */

/** In seconds. A popular Ansible role took 42 s, 36 s the second time, on such hosts. */
const BUDGETS: Readonly<Record<string, number>> = {
  "`cdktf deploy` of three hosts that have the packages, until `redis-ha verify` holds": 15,
  "`cdktf deploy` again": 5,
  "`cdktf deploy` that changes a live setting": 10,
  "`redis-ha status`": 0.5,
};

const options = benchCommand("npm run bench:deploy --", "Measures what it costs to set up and change hosts in the lab.")
  .parse()
  .opts<BenchOptions>();

await runBench(options, async () => {
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  const samples = new Map<string, number[]>();
  const { runs } = options;
  const passed = await runSuite("test/lab/deploy", runs, (line) => {
    const seen = parseTimingLine(line);
    if (seen) samples.set(seen.what, [...(samples.get(seen.what) ?? []), seen.ms / 1000]);
  });
  if (!passed) throw new Error("nothing was measured");
  const figures = [...samples].map(([what, seconds], index): Figure => ({
    id: `deploy-${index}`,
    what,
    unit: "s",
    samples: seconds,
    ...(BUDGETS[what] === undefined ? {} : { budget: BUDGETS[what] }),
  }));
  return { date: new Date().toISOString().slice(0, 10), machine, runs, figures };
});
