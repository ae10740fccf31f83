import { createInterface } from "node:readline/promises";
import Table from "cli-table3";
import { type ClientKind, clientKinds } from "../drill/clients.ts";
import type { Fault } from "../drill/fault.ts";
import { faults } from "../drill/faults/index.ts";
import { type DrillResult, promised } from "../drill/result.ts";
import { drill as runDrill, DrillInterrupted, DrillRefused, type DrillOptions } from "../drill/run.ts";
import { type Rate, rates } from "../drill/writer.ts";
import type { Hosts } from "../remote/hosts.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";
import type { DrillFlags } from "./program.ts";

/** Prints what can be broken. @returns 0 */
export function listFaults(json: boolean): number {
  if (json) {
    printJson({ version: 1, faults: faults.map(({ name, title, promise }) => ({ name, title, promise })) });
    return 0;
  }
  const longest = Math.max(...faults.map(({ name }) => name.length));
  print(faults.map(({ name, title }) => `${colours.bold(name.padEnd(longest))}  ${title}`).join("\n"));
  return 0;
}

/**
 * @returns 0 when nothing that was promised is lost and the cluster is whole again, else 1
 * @throws UsageError for a fault, an option or an environment that cannot be meant
 */
export async function drill(
  { environment, inventory }: Chosen,
  { root, hosts }: { root: string; hosts?: Hosts | undefined },
  name: string | undefined,
  flags: DrillFlags,
): Promise<number> {
  const fault = faultNamed(name);
  const clients = listed<ClientKind>("--clients", flags.clients, clientKinds);
  const [rate, ...more] = listed<Rate>("--rate", flags.rate, rates);
  if (!rate || more.length > 0) throw new UsageError("--rate takes one of: paced, full");
  if (!flags.yes) {
    const agreed = await agreeTo(fault, environment);
    if (!agreed) {
      progress("nothing was done");
      return 1;
    }
  }
  const { wait1: wait = false, seconds } = flags;
  const options = { environment, inventory, root, hosts, report: progress, fault, clients, rate, wait };
  const result = await interruptible({ ...options, ...(seconds === undefined ? {} : { seconds }) });
  if (!result) return 1;
  if (flags.json) printJson(result);
  else print(drillText(result));
  return result.holds ? 0 : 1;
}

function faultNamed(name: string | undefined): Fault {
  const fault = faults.find((each) => each.name === name);
  if (fault) return fault;
  const known = faults.map((each) => each.name).join(", ");
  throw new UsageError(
    `${name === undefined ? "say which fault" : `no fault is named "${name}"`}; known are: ${known}`,
  );
}

function listed<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const words = [...new Set(text.split(",").map((word) => word.trim()))];
  const unknown = words.find((word) => !(known as readonly string[]).includes(word));
  if (unknown !== undefined) throw new UsageError(`${option}: "${unknown}" is not one of: ${known.join(", ")}`);
  return words as T[];
}

/** @throws UsageError when there is nobody to ask */
async function agreeTo({ title, promise }: Fault, environment: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError("a drill breaks the cluster on purpose; without a terminal to ask at, it takes --yes");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    progress(`This breaks the running cluster "${environment}" on purpose: ${title}.`);
    progress(
      promise === "every-write"
        ? "Its clients will wait for a moment; no write that was acknowledged may get lost."
        : "Its clients will notice, and what they write meanwhile without WAIT may be lost.",
    );
    return /^y(es)?$/i.test((await terminal.question("Go on? [y/N] ")).trim());
  } finally {
    terminal.close();
  }
}

/** Runs the drill so that Ctrl-C mends the cluster first. @returns undefined when there is no result */
async function interruptible(options: DrillOptions): Promise<DrillResult | undefined> {
  const stop = new AbortController();
  const interrupt = (): void => {
    progress("ending the drill; again: leave at once, with whatever is broken (npx redis-ha converge mends it)");
    stop.abort();
    // The second time, the signal does what it always does.
    for (const signal of signals) process.off(signal, interrupt);
  };
  // A drill in a cluster of its own takes that away by itself.
  const signals = "drill" in options.fault ? [] : (["SIGINT", "SIGTERM", "SIGHUP"] as const);
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await runDrill({ ...options, signal: stop.signal });
  } catch (error) {
    if (!(error instanceof DrillRefused || error instanceof DrillInterrupted)) throw error;
    progress(`redis-ha: ${error.message}`);
    return undefined;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** Tables and a verdict for people. */
export function drillText(result: DrillResult): string {
  const { environment, fault, readers, masterBefore, masterAfter, wholeAfterMs, ownPauseMs, problems } = result;
  const writers = table(["writer", "longest gap", "began after", "errors", "acknowledged", "lost", "sent twice"]);
  for (const writer of result.writers) {
    const { wait, acknowledged, repeated } = writer;
    writers.push([
      `${writer.client}${wait ? ", WAIT 1" : ""}`,
      ...gap(writer),
      errorsOf(writer.errors),
      `${acknowledged}`,
      lostOf(writer),
      `${repeated}`,
    ]);
  }
  const reading = table(["reader", "longest gap", "began after", "errors", "reads", "stale reads"]);
  for (const reader of readers) {
    reading.push([reader.client, ...gap(reader), errorsOf(reader.errors), `${reader.reads}`, `${reader.stale}`]);
  }
  const master =
    masterAfter === masterBefore
      ? `${masterBefore} is still master`
      : `${masterBefore} was master, ${masterAfter ?? "nobody"} is`;
  const whole = wholeAfterMs === null ? "not whole again" : `whole again ${time(wholeAfterMs)} after the fault`;
  const pause = ownPauseMs === null ? "" : `; the drill's own program stood still for up to ${time(ownPauseMs)}`;
  return [
    writers.toString(),
    ...(readers.length > 0 ? [reading.toString()] : []),
    `${environment}: ${master}; ${whole}${pause}`,
    ...problems.map((problem) => `  ${problem}`),
    result.holds ? colours.green(`drill ${fault} holds: ${kept(result)}`) : colours.red(`drill ${fault} does not hold`),
  ].join("\n");
}

function kept(result: DrillResult): string {
  const writers = promised(result);
  const acknowledged = writers.reduce((sum, each) => sum + each.acknowledged, 0);
  if (result.promise === "every-write") return `none of ${acknowledged} acknowledged writes is lost`;
  const without = result.writers.reduce((sum, each) => sum + (each.wait ? 0 : (each.lost ?? 0)), 0);
  const confirmed =
    writers.length === 0
      ? "the promise is about writes with WAIT 1, which --wait1 adds"
      : `none of ${acknowledged} writes that WAIT 1 confirmed is lost`;
  return `${confirmed}; ${without} without WAIT ${without === 1 ? "is" : "are"} lost`;
}

const table = (head: string[]): Table.Table =>
  new Table({ head: head.map(colours.bold), style: { head: [], border: [], compact: true } });

function gap({
  longestGapMs,
  gapBeganMs,
  recovered,
}: DrillResult["writers"][number] | DrillResult["readers"][number]): string[] {
  const longest = longestGapMs === null ? "-" : time(longestGapMs);
  return [
    recovered || longestGapMs === null ? longest : colours.red(`${longest}, to the end`),
    gapBeganMs === null ? "-" : time(gapBeganMs),
  ];
}

function lostOf({ lost, lostFirstMs, lostLastMs }: DrillResult["writers"][number]): string {
  if (lost === null) return "?";
  if (lost === 0 || lostFirstMs === null) return `${lost}`;
  const when =
    lostLastMs === null ? `from ${time(lostFirstMs)} on` : `${time(lostFirstMs)} to ${time(lostLastMs)} after`;
  return colours.red(`${lost}, acknowledged ${when}`);
}

function errorsOf(errors: DrillResult["writers"][number]["errors"]): string {
  if (errors === null) return "-";
  return (
    Object.entries(errors)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ") || "none"
  );
}

/** Milliseconds as people read them. */
const time = (ms: number): string =>
  Math.abs(ms) < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
