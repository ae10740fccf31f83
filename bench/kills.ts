import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readRecord, waitFor } from "../agent/processes.ts";
import { lostWrites, removeKeys } from "../drill/check.ts";
import { storedClientLogins } from "../test/support/stored-secrets.ts";
import { speakAsAny } from "../agent/secrets.ts";
import { createClient } from "../drill/clients.ts";
import { Ledger } from "../drill/ledger.ts";
import { Writer } from "../drill/writer.ts";
import { clusterView, troubles } from "../cluster/view.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { type Checkout, createCheckout, inventoryIn, stateIn, threeNodes } from "../test/support/checkout.ts";
import { benchCommand, type BenchOptions, positive, runBench, say } from "./program.ts";
import { busyMachine, describeMachine } from "./machine.ts";
import type { Report } from "./tables.ts";

/**
 * `npm run bench:kills [-- --kills 200]`: kills the master again and again at full write rate, and counts what was lost
 * of what was acknowledged, what the agents decided, and what each kill cost in time.
 */

const PORTS = 18_640;
const environment = "local";
/** Clients that write at the same time: with one alone, every reply leaves after its write has gone to the replicas. */
const CLIENTS = 8;
/** Kills after which everything is read back: the keys of as many writes fit into the memory of the test's servers. */
const BATCH = 10;
/** Between whole again and the next kill: enough for load to build up. */
const REST_MS = 1000;

const options = benchCommand("npm run bench:kills --", "Counts what kills of the master at full write rate cost.")
  .option("--kills <number>", "how many", positive, 200)
  .option("--on-master-crash <what>", "promote or restart", "promote")
  .parse()
  .opts<BenchOptions & { kills: number; onMasterCrash: "promote" | "restart" }>();

/** A restart in place takes about 1.2 s; when it takes longer, the watch goes on until writes flow again. */
const WATCH_MS = 1500;
const FLOWING_MS = 20;

interface Kill {
  readonly gapMs: number;
  readonly decision: "promote" | "restart";
  readonly replayed: number;
}

await runBench(options, measure);

async function measure(signal: AbortSignal): Promise<Report> {
  const machine = await describeMachine();
  const busy = busyMachine();
  if (busy) say(busy);
  const { kills, onMasterCrash } = options;
  const checkout = await createCheckout(threeNodes(environment, PORTS, { maxMemoryMb: 300, onMasterCrash }));
  try {
    const started = await checkout.start();
    if (started.code !== 0) throw new Error(started.all);
    speakAsAny(stateIn(checkout, environment), environment, inventoryIn(checkout, environment).nodes);
    const done: Kill[] = [];
    let acknowledged = 0;
    let lost = 0;
    while (done.length < kills) {
      const batch = await killBatch(checkout, Math.min(BATCH, kills - done.length), signal);
      done.push(...batch.kills);
      acknowledged += batch.acknowledged;
      lost += batch.lost;
      const promoted = done.filter(({ decision }) => decision === "promote");
      say(
        `${done.length} of ${kills} kills: ${promoted.length} promoted (${done.filter(({ replayed }) => replayed > 0).length} ` +
          `with something played back), ${done.length - promoted.length} restarted in place; ` +
          `${lost} of ${acknowledged} acknowledged writes lost`,
      );
    }
    const of = (decision: Kill["decision"]): number[] =>
      done.filter((each) => each.decision === decision).map(({ gapMs }) => gapMs);
    const perMillion = (1e6 * lost) / acknowledged;
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: `${machine}; ${kills} kills, ${acknowledged} acknowledged writes, ${lost} lost (${perMillion.toFixed(3)} per million)`,
      runs: kills,
      figures: [
        ...(of("promote").length > 0
          ? [
              {
                id: "promoted",
                what: `write gap of ${of("promote").length} promotions`,
                unit: "ms" as const,
                samples: of("promote"),
              },
            ]
          : []),
        ...(of("restart").length > 0
          ? [
              {
                id: "restarted",
                what: `write gap of ${of("restart").length} restarts in place`,
                unit: "ms" as const,
                samples: of("restart"),
              },
            ]
          : []),
        {
          id: "replayed",
          what: "commands played back from the append-only file, a kill",
          unit: "%",
          samples: done.map(({ replayed }) => replayed),
        },
      ],
    };
  } finally {
    await checkout.remove();
  }
}

async function killBatch(checkout: Checkout, count: number, signal: AbortSignal) {
  const inventory = inventoryIn(checkout, environment);
  const writers = Array.from({ length: CLIENTS }, (_, index) => {
    const ledger = new Ledger(`drill:kills:${process.pid}:${Date.now()}:${index}`);
    const writer = new Writer(
      createClient("recommended", inventory, "master", storedClientLogins(checkout.store(environment))),
      ledger,
      {
        client: "recommended",
        rate: "full",
        wait: false,
      },
    );
    writer.traffic.start();
    return writer;
  });
  const kills: Kill[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const master = await whole(inventory);
      await delay(REST_MS, undefined, { signal });
      const folder = checkout.folder(environment, master);
      const record = readRecord(path.join(folder.run, "redis.json"));
      if (!record) throw new Error(`${master} has no record of its redis-server`);
      const log = path.join(folder.logs, "agent.log");
      const before = fs.statSync(log).size;
      const at = performance.now();
      process.kill(record.pid, "SIGKILL");
      const gapMs = await longestGap(writers, at);
      await whole(inventory);
      kills.push({ gapMs, ...decided(fs.readFileSync(log, "utf8").slice(before)) });
    }
  } finally {
    await Promise.all(writers.map(({ traffic }) => traffic.stop()));
  }
  const ledgers = writers.map(({ ledger }) => ledger);
  const master = await masterNode(inventory);
  const lost = (await lostWrites(master, ledgers)).reduce((sum, each) => sum + each.count, 0);
  await removeKeys(master, ledgers);
  return { kills, lost, acknowledged: ledgers.reduce((sum, ledger) => sum + ledger.acknowledged, 0) };
}

/** The longest time in which no client had a write acknowledged, within the second and a half after the kill or longer. */
async function longestGap(writers: readonly Writer[], killedAt: number): Promise<number> {
  const newest = (): number => Math.max(...writers.map(({ traffic }) => traffic.lastSuccess ?? 0));
  let [last, longest] = [newest(), 0];
  await waitFor(
    "writes go on",
    () => {
      const [now, seen] = [performance.now(), newest()];
      longest = Math.max(longest, seen - last);
      last = seen;
      return now - killedAt > WATCH_MS && now - last < FLOWING_MS ? true : undefined;
    },
    30_000,
    1,
  );
  return longest;
}

/** @returns the master's name, when every node is linked and agrees */
function whole(inventory: InventoryEnvironment): Promise<string> {
  return waitFor(
    "the cluster is whole",
    async () => {
      const view = await clusterView(environment, inventory);
      return view.master && troubles(view).length === 0 ? view.master.name : undefined;
    },
    120_000,
    100,
  );
}

async function masterNode(inventory: InventoryEnvironment) {
  const name = await whole(inventory);
  const node = inventory.nodes.find((each) => each.name === name);
  if (!node) throw new Error(`${name} is not in the inventory`);
  return node;
}

function decided(log: string): Pick<Kill, "decision" | "replayed"> {
  const promoted = /decision: promote/.test(log) && !/decision changed/.test(log);
  return { decision: promoted ? "promote" : "restart", replayed: Number(/; (\d+) commands/.exec(log)?.[1] ?? 0) };
}
