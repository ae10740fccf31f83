import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { retire } from "../agent/retire.ts";
import type { Checkout } from "../test/support/checkout.ts";
import { changesIn } from "../tools/cdktf.ts";
import type { Figure } from "./figures.ts";
import { type Measurement, rounds, type Timed } from "./measurement.ts";
import { cpuSecondsOf, memoryOf, peakMemoryOf, usageIsKnown } from "./process-usage.ts";

/** The cluster that is measured: three nodes, and so three stacks with two resources each. */
export const environment = "local";
const nodes = ["redis-a", "redis-b", "redis-c"];
const stacks = ["a", "b", "c"].map((zone) => `${environment}-zone-${zone}`);

const verify: Timed & { id: "verify" } = {
  id: "verify",
  program: "node_modules/.bin/redis-ha",
  args: ["verify", "--env", environment, "--wait", "60"],
};

/** From nothing by Terragrunt, and again with nothing to change. The cluster runs afterwards. */
export async function measureTerragrunt(measurement: Measurement, checkout: Checkout): Promise<Figure[]> {
  const folder = path.join("terragrunt", environment);
  const args = ["run", "--all", "--non-interactive", "--", "apply", "-auto-approve"];
  const runAll = ["terragrunt", "run-all", "apply", "--non-interactive", "-auto-approve"];
  const program = path.join(checkout.root, "node_modules", ".bin", "terragrunt");
  const first = await rounds(measurement, [{ id: "apply", program, args, folder, check: addedAll }, verify], () =>
    clear(checkout),
  );
  const before = pids(checkout);
  const check = (output: string): void => {
    changedNothing(output);
    const converged = output.match(/zone [abc]: nothing to change/g)?.length;
    if (converged !== stacks.length) throw new Error(`converge did not find all as it should be:\n${output}`);
  };
  const again = await rounds(measurement, [
    { id: "no-op", program, args, folder, check },
    { id: "no-op-npx", program: "npx", args: runAll, folder, check },
  ]);
  if (pids(checkout) !== before) throw new Error("an apply with nothing to change restarted a process");
  const all = "`terragrunt run --all apply`";
  return [
    { id: "terragrunt-from-nothing", what: `${all}, from nothing`, unit: "s", samples: first.apply, budget: 5 },
    { id: "terragrunt-verify", what: "then, until `redis-ha verify` holds", unit: "s", samples: first.verify },
    { id: "terragrunt-no-op", what: `${all}, nothing to change`, unit: "s", samples: again["no-op"], budget: 3 },
    {
      id: "terragrunt-no-op-npx",
      what: "`npx terragrunt run-all apply`, nothing to change",
      unit: "s",
      samples: again["no-op-npx"],
    },
  ];
}

/** The same by cdktf, with the options of `npm start`. The cluster runs afterwards. */
export async function measureCdktf(measurement: Measurement, checkout: Checkout): Promise<Figure[]> {
  const program = "node_modules/.bin/cdktf";
  const options = ["--skip-synth", "--skip-provider-lock", "--auto-approve", "--no-color"];
  const args = ["deploy", ...stacks, ...options];
  const first = await rounds(measurement, [{ id: "deploy", program, args, check: addedAll }, verify], () =>
    clear(checkout),
  );
  const again = await rounds(measurement, [{ id: "no-op", program, args, check: changedNothing }]);
  return [
    { id: "cdktf-from-nothing", what: "`cdktf deploy --skip-synth`, from nothing", unit: "s", samples: first.deploy },
    { id: "cdktf-verify", what: "then, until `redis-ha verify` holds", unit: "s", samples: first.verify },
    {
      id: "cdktf-no-op",
      what: "`cdktf deploy --skip-synth`, nothing to change",
      unit: "s",
      samples: again["no-op"],
    },
  ];
}

/** `redis-ha status` of the running cluster. */
export async function measureStatus(measurement: Measurement): Promise<Figure[]> {
  const args = ["status", "--env", environment];
  const seconds = await rounds(measurement, [
    { id: "status", program: "node_modules/.bin/redis-ha", args },
    { id: "status-npx", program: "npx", args: ["redis-ha", ...args] },
  ]);
  return [
    { id: "status", what: "`redis-ha status`", unit: "s", samples: seconds.status, budget: 0.5 },
    { id: "status-npx", what: "`npx redis-ha status`", unit: "s", samples: seconds["status-npx"] },
  ];
}

/**
 * What the resident agent of the master's node takes while nothing happens.
 * @param windowSeconds length of one run
 * @returns nothing on systems that do not tell
 */
export async function measureAgent(
  { runs, say }: Measurement,
  checkout: Checkout,
  windowSeconds: number,
  signal: AbortSignal,
): Promise<Figure[]> {
  if (!usageIsKnown) {
    say("agent: its memory and processor time are measured on Linux only");
    return [];
  }
  const pid = checkout.pid(environment, nodes[0] as string, "agent");
  if (pid === undefined) throw new Error(`${nodes[0]}: no agent runs`);
  const samples = { rss: [] as number[], pss: [] as number[], peak: [] as number[], cpu: [] as number[] };
  for (let run = 0; run <= runs; run++) {
    const [cpuBefore, before] = [cpuSecondsOf(pid), performance.now()];
    await delay(windowSeconds * 1000, undefined, { signal });
    const cpu = (100 * (cpuSecondsOf(pid) - cpuBefore)) / ((performance.now() - before) / 1000);
    const { rss, pss } = memoryOf(pid);
    say(`agent ${run === 0 ? "warm-up" : `${run} of ${runs}`}: ${(rss / 1e6).toFixed(1)} MB, ${cpu.toFixed(2)} %`);
    if (run === 0) continue;
    samples.rss.push(rss / 1e6);
    samples.pss.push(pss / 1e6);
    samples.peak.push(peakMemoryOf(pid) / 1e6);
    samples.cpu.push(cpu);
  }
  const idle = `over ${windowSeconds} s without work`;
  return [
    { id: "agent-rss", what: "one agent: resident memory (RSS)", unit: "MB", samples: samples.rss, budget: 60 },
    { id: "agent-pss", what: "one agent: its share of memory (PSS)", unit: "MB", samples: samples.pss },
    { id: "agent-peak", what: "one agent: most memory ever resident", unit: "MB", samples: samples.peak },
    { id: "agent-cpu", what: `one agent: part of a core ${idle}`, unit: "%", samples: samples.cpu, budget: 1 },
  ];
}

/** No process, no node folder, no state, nothing that a driver keeps: what is synthesized stays. */
async function clear(checkout: Checkout): Promise<void> {
  const folders = nodes.map((node) => checkout.folder(environment, node));
  await Promise.all(folders.map((folder) => retire(folder, { everything: true })));
  const { root } = checkout;
  const rest = [
    ...folders.map((folder) => folder.root),
    path.join(root, ".state"),
    ...stacks.flatMap((stack) =>
      [".terraform", "plan"].map((file) => path.join(root, "cdktf.out/stacks", stack, file)),
    ),
    ...["a", "b", "c"].map((zone) => path.join(root, "terragrunt", environment, `zone-${zone}`, ".terragrunt-cache")),
  ];
  for (const file of rest) fs.rmSync(file, { recursive: true, force: true });
}

function addedAll(output: string): void {
  const { added, changed, destroyed } = changesIn(output);
  if (added !== 2 * stacks.length || changed + destroyed > 0) {
    throw new Error(`not from nothing: ${added} added, ${changed} changed, ${destroyed} destroyed`);
  }
}

function changedNothing(output: string): void {
  const { added, changed, destroyed } = changesIn(output);
  const done = output.match(/Resources: 0 added/g)?.length ?? 0;
  if (done !== stacks.length || added + changed + destroyed > 0) {
    throw new Error(`${added} added, ${changed} changed, ${destroyed} destroyed, in ${done} stacks without a change`);
  }
}

const pids = (checkout: Checkout): string =>
  nodes
    .flatMap((node) => (["redis", "sentinel", "agent"] as const).map((name) => checkout.pid(environment, node, name)))
    .join(" ");
