import path from "node:path";
import { isListening, listenerOf } from "../agent/ports.ts";
import type { EnvironmentInput } from "../environments/environment.ts";
import { type Checkout, createCheckout, threeNodes } from "../test/support/checkout.ts";
import { environment, measureAgent, measureCdktf, measureStatus, measureTerragrunt } from "./cluster.ts";
import { Commands } from "./commands.ts";
import type { Figure } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import type { Measurement } from "./measurement.ts";
import { measureGrowth, measureSynth } from "./synth.ts";
import { benchCommand, type BenchOptions, positive, runBench, say } from "./program.ts";
import type { Report } from "./tables.ts";

/**
 * `npm run bench [-- --runs 10]`: measures what setting up a cluster costs, in a clone of its own with ports of its own,
 * so that a running cluster of this checkout is not disturbed. What each row means: docs/benchmarks.md.
 */

/** The cluster uses 18601 to 18603 and 18611 to 18613; the second environment is synthesized only. */
const PORTS = 18_600;

/** Beside the cluster, as in the project itself: two environments are synthesized. */
const pair: EnvironmentInput = {
  name: "local-pair",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port: PORTS + 4, sentinelPort: PORTS + 14 }] },
    b: { nodes: [{ name: "redis-b", port: PORTS + 5, sentinelPort: PORTS + 15 }] },
    c: { nodes: [{ name: "witness-c", runs: ["sentinel"], sentinelPort: PORTS + 16 }] },
  },
  settings: { maxMemoryMb: 100 },
};

interface Options extends BenchOptions {
  readonly idleSeconds: number;
}

const options = benchCommand(
  "npm run bench --",
  "Measures what setting up a cluster costs: medians of whole processes, beside their budgets.",
)
  .option("--idle-seconds <seconds>", "how long the agent is watched in each run", positive, 20)
  .parse()
  .opts<Options>();

await runBench(options, (signal) => measure(options, signal));

async function measure({ runs, idleSeconds }: Options, signal: AbortSignal): Promise<Report> {
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  await refuseTakenPorts();
  let checkout: Checkout | undefined;
  try {
    checkout = await createCheckout(threeNodes(environment, PORTS), pair);
    const commands = await Commands.in(checkout, signal);
    const measurement: Measurement = { commands, runs, say };
    const figures: Figure[] = [
      // First, because the others begin with what is synthesized, and because no cluster runs beside it yet.
      ...(await measureSynth(measurement)),
      ...(await measureGrowth(measurement, path.join(path.dirname(checkout.root), "growth"))),
      ...(await measureTerragrunt(measurement, checkout)),
      ...(await measureStatus(measurement)),
      ...(await measureAgent(measurement, checkout, idleSeconds, signal)),
      ...(await measureCdktf(measurement, checkout)),
    ];
    return { date: new Date().toISOString().slice(0, 10), machine, runs, figures };
  } finally {
    await checkout?.remove();
    for (const port of await takenPorts()) say(`Port ${port} is still held by ${listenerOf(port)}.`);
  }
}

async function refuseTakenPorts(): Promise<void> {
  const [port] = await takenPorts();
  if (port === undefined) return;
  throw new Error(`Port ${port} is taken by ${listenerOf(port)}. The benchmark needs it; nothing was started.`);
}

async function takenPorts(): Promise<number[]> {
  const ports = [1, 2, 3, 11, 12, 13].map((offset) => PORTS + offset);
  const taken = await Promise.all(ports.map((port) => isListening({ address: "127.0.0.1", port })));
  return ports.filter((_, index) => taken[index]);
}
