import { setTimeout as delay } from "node:timers/promises";
import { InvalidArgumentError } from "commander";
import type { DrillResult } from "../drill/result.ts";
import type { EnvironmentInput } from "../environments/environment.ts";
import { type Checkout, createCheckout, threeNodes } from "../test/support/checkout.ts";
import type { Figure } from "./figures.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import { benchCommand, type BenchOptions, runBench, say } from "./program.ts";
import type { Report } from "./tables.ts";

/**
 * `npm run bench:failover [-- --runs 10]`: how long clients cannot write when the master changes, planned and not, by
 * drills in a clone of its own with ports of its own. What each row means: docs/benchmarks.md.
 */

/** The clusters use 18601 to 18603, 18611 to 18613, 18621, 18622 and 18631 to 18633. */
const PORTS = 18_600;
const three = threeNodes("local", PORTS, { maxMemoryMb: 200 });
const pair: EnvironmentInput = {
  name: "local-pair",
  target: { kind: "local" },
  zones: {
    a: { nodes: [{ name: "redis-a", port: PORTS + 21, sentinelPort: PORTS + 31 }] },
    b: { nodes: [{ name: "redis-b", port: PORTS + 22, sentinelPort: PORTS + 32 }] },
    c: { nodes: [{ name: "witness-c", runs: ["sentinel"], sentinelPort: PORTS + 33 }] },
  },
  settings: { maxMemoryMb: 100 },
};

/** Sentinels that were told of a new master see its replicas within 10 s; a fault before that meets a half-settled cluster. */
const SETTLE_MS = 3000;

interface Case {
  readonly id: string;
  readonly what: string;
  readonly environment: "local" | "local-pair";
  readonly args: readonly string[];
  /** Which figures are taken, each with its budget in milliseconds. */
  readonly take: readonly { readonly client: string; readonly wait?: boolean; readonly budget?: number }[];
  readonly of?: (result: DrillResult) => number;
}

const bothPlanned = [
  { client: "recommended", budget: 130 },
  { client: "defaults", budget: 300 },
];
const local = { environment: "local" as const };

const cases: readonly Case[] = [
  { ...local, id: "hand-over", what: "hand-over", args: ["hand-over"], take: bothPlanned },
  {
    ...local,
    id: "config-change",
    what: "changed setting that restarts all three nodes",
    args: ["config-change"],
    take: bothPlanned,
  },
  {
    ...local,
    id: "crash-full",
    what: "kill -9 of the master at full write rate",
    args: ["crash", "--rate", "full", "--clients", "recommended"],
    take: [{ client: "recommended", budget: 100 }],
  },
  {
    ...local,
    id: "crash-full-defaults",
    what: "kill -9 of the master at full write rate",
    args: ["crash", "--rate", "full", "--clients", "defaults"],
    take: [{ client: "defaults", budget: 300 }],
  },
  {
    ...local,
    id: "crash-in-place",
    what: "kill -9 of the master while a replica hangs: restart in place",
    args: ["crash-replica-hangs"],
    take: [{ client: "recommended", budget: 1500 }, { client: "defaults" }],
  },
  {
    ...local,
    id: "crash-without-agent",
    what: "kill -9 of master and agent: Sentinel alone",
    args: ["crash-without-agent"],
    take: [{ client: "recommended", budget: 3500 }, { client: "defaults" }],
  },
  {
    ...local,
    id: "hang",
    what: "SIGSTOP of the master",
    args: ["hang", "--wait1"],
    take: [
      { client: "recommended", budget: 4400 },
      { client: "defaults", budget: 4400 },
    ],
  },
  {
    ...local,
    id: "power-cycle",
    what: "kill -9 of every process, then all are started",
    args: ["power-cycle"],
    take: [{ client: "recommended", budget: 4000 }, { client: "defaults" }],
  },
  {
    environment: "local-pair",
    id: "pair-replica-restart",
    what: "restart of the only replica of two data nodes",
    args: ["replica-restart"],
    take: [{ client: "recommended", budget: 100 }, { client: "defaults" }],
  },
];

const ids = [...cases.map(({ id }) => id), "partition"];
/** @throws InvalidArgumentError when one is not known: a benchmark that measured nothing would look like a good one */
const known = (value: string): string[] => {
  const asked = value.split(",");
  const unknown = asked.filter((id) => !ids.includes(id));
  if (unknown.length > 0) throw new InvalidArgumentError(`${unknown.join(", ")}: not one of ${ids.join(", ")}.`);
  return asked;
};

const options = benchCommand(
  "npm run bench:failover --",
  "Measures how long clients cannot write when the master changes: medians, beside their budgets. Every run must lose nothing.",
)
  .option("--only <ids>", `only these, separated by commas: ${ids.join(",")}`, known)
  .parse()
  .opts<BenchOptions & { only?: string[] }>();

await runBench(options, measure);

async function measure(signal: AbortSignal): Promise<Report> {
  const { runs, only } = options;
  const wanted = (id: string): boolean => only?.includes(id) ?? true;
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  const checkout = await createCheckout(three, pair);
  try {
    for (const environment of ["local", "local-pair"]) {
      const started = await checkout.start(environment);
      if (started.code !== 0) throw new Error(started.all);
    }
    const figures: Figure[] = [];
    for (const each of cases.filter(({ id }) => wanted(id)))
      figures.push(...(await rounds(checkout, each, runs, signal)));
    if (wanted("partition")) figures.push(...(await partitions(checkout, runs, signal)));
    return { date: new Date().toISOString().slice(0, 10), machine, runs, figures };
  } finally {
    await checkout.remove();
  }
}

async function rounds(checkout: Checkout, each: Case, runs: number, signal: AbortSignal): Promise<Figure[]> {
  const samples = each.take.map((): number[] => []);
  for (let run = 0; run <= runs; run++) {
    const result = await drill(checkout, each.environment, each.args, signal);
    const gaps = each.take.map(({ client, wait = false }) => {
      const writer = result.writers.find((it) => it.client === client && it.wait === wait);
      if (writer?.longestGapMs === undefined || writer.longestGapMs === null) throw new Error(`no figure of ${client}`);
      return writer.longestGapMs;
    });
    say(
      `${each.id} ${run === 0 ? "warm-up" : `${run} of ${runs}`}: ${gaps.map((gap) => `${gap} ms`).join(", ")}, 0 lost`,
    );
    if (run > 0) gaps.forEach((gap, index) => samples[index]?.push(gap));
  }
  return each.take.map(({ client, budget }, index) => ({
    id: `${each.id}-${client}`,
    what: `${each.what}: ${client === "recommended" ? "our options" : "ioredis defaults"}`,
    unit: "ms",
    samples: samples[index] ?? [],
    ...(budget === undefined ? {} : { budget }),
  }));
}

/** In a copy of the cluster in network namespaces, so on Linux and by root only. */
async function partitions(checkout: Checkout, runs: number, signal: AbortSignal): Promise<Figure[]> {
  const stopped: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const result = await drill(checkout, "local", ["partition"], signal);
    const inner = result.writers.find(({ wait, client }) => !wait && client !== "recommended");
    const last = inner?.longestGapMs === null ? inner.gapBeganMs : inner?.gapBeganMs;
    if (last === undefined || last === null) throw new Error("the partition's figures have no end of writes");
    say(`partition ${run === 0 ? "warm-up" : `${run} of ${runs}`}: writes stop after ${last} ms`);
    if (run > 0) stopped.push(last);
  }
  return [
    {
      id: "partition",
      what: "partition of master and client, 15 s: until its writes stop",
      unit: "ms",
      samples: stopped,
      budget: 3000,
    },
  ];
}

/** @throws when the drill does not hold: a figure of a run that lost something is worth nothing */
async function drill(
  checkout: Checkout,
  environment: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<DrillResult> {
  await delay(SETTLE_MS, undefined, { signal });
  const ready = await checkout.redisHa("verify", "--wait", "60", "--env", environment);
  if (ready.code !== 0) throw new Error(ready.all);
  signal.throwIfAborted();
  const { code, stdout, all } = await checkout.redisHa("drill", ...args, "--env", environment, "--yes", "--json");
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`drill ${args.join(" ")}:\n${all}`);
  return JSON.parse(stdout) as DrillResult;
}
