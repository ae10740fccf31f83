import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { speakWith } from "../agent/secrets.ts";
import type { ClusterContext } from "../agent/operations.ts";
import { waitFor } from "../agent/processes.ts";
import { lookAt } from "../cluster/look.ts";
import { clusterView, summary, troubles } from "../cluster/view.ts";
import type { Hosts } from "../remote/hosts.ts";
import { clientLogins, operatorLogins } from "../secrets/logins.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { type ClientKind, clientKinds } from "./clients.ts";
import { actingMaster, type Fault, type FaultContext } from "./fault.ts";
import { hostSite } from "./host-site.ts";
import { Load } from "./load.ts";
import { localSite } from "./local-site.ts";
import { type DrillResult, judged, rounded } from "./result.ts";
import type { Rate } from "./writer.ts";

export interface DrillOptions extends ClusterContext {
  /** @default - the nodes are on this computer */
  readonly hosts?: Hosts | undefined;
  readonly fault: Fault;
  /** @default - both kinds */
  readonly clients?: readonly ClientKind[];
  /** @default "paced" */
  readonly rate?: Rate;
  /** Besides each writer, another one that asks for WAIT 1. @default false */
  readonly wait?: boolean;
  /** Go on reading and writing at least this long after the fault. @default 0, until the cluster is whole again */
  readonly seconds?: number;
  /** Ends the drill early: mends what is broken, removes its keys, and throws `DrillInterrupted`. */
  readonly signal?: AbortSignal;
}

/** The cluster is not in a state in which it may be broken; nothing was done. */
export class DrillRefused extends Error {
  override name = "DrillRefused";
}

/** The user had enough; the message says how the cluster is left. */
export class DrillInterrupted extends Error {
  override name = "DrillInterrupted";
}

/** Reading and writing before the fault, and after the cluster is whole again. */
const STEADY_MS = 1000;
/** Sentinel tries again 20 s after a failover that failed. */
const WHOLE_TIMEOUT_MS = 60_000;
/** ioredis's own pause between two attempts grows to 5 s. */
const RECOVERY_TIMEOUT_MS = 10_000;
/** Sentinels see a node that is back as up after some seconds. */
const VERIFY_TIMEOUT_MS = 30_000;
/** How exactly pauses of this program are seen. */
const PAUSE_RESOLUTION_MS = 2;

/**
 * Reads and writes without end, breaks the cluster, and looks for what was lost.
 * Takes the time of the fault and about 4 s.
 * @throws DrillRefused when the cluster is not whole before; DrillInterrupted
 */
export async function drill(options: DrillOptions): Promise<DrillResult> {
  const { fault, environment, inventory, report } = options;
  const { hosts } = options;
  if (hosts && "drill" in fault) {
    throw new DrillRefused(
      `${fault.name}: not on hosts, where a rule that is left in a firewall locks you out; docs/lab.md cuts off hosts of its own`,
    );
  }
  if (hosts) {
    // The hosts' files are there; what looks from here takes it from the store.
    speakWith(inventory.nodes, await operatorLogins(options, options.root));
    await refuseUnlessReached(options);
  }
  if ("drill" in fault) return fault.drill(options);
  const signal = options.signal ?? new AbortController().signal;
  const before = await wholeMaster(options);

  const load = new Load(inventory, {
    clients: options.clients ?? clientKinds,
    rate: options.rate ?? "paced",
    wait: options.wait ?? false,
    logins: await clientLogins(options, options.root),
  });
  const mending = new Mending(report);
  try {
    await load.succeeded(-Infinity, undefined, signal);
    await delay(STEADY_MS, undefined, { signal });
    const pauses = monitorEventLoopDelay({ resolution: PAUSE_RESOLUTION_MS });
    pauses.enable();
    const at = new Date().toISOString();
    const faultAt = load.fault();
    report(`${fault.name}: ${fault.title} (master: ${before.name})`);
    const site = hosts ? hostSite(hosts) : localSite(options);
    const context: FaultContext = { ...options, site, master: before, signal, undo: mending.add };
    const problems: string[] = [];
    try {
      await fault.inject(context);
    } catch (error) {
      signal.throwIfAborted();
      problems.push(`the fault did not come about: ${(error as Error).message}`);
    }
    problems.push(...(await mending.mend()));
    const wholeAt = await untilWhole(options, signal).catch((error: Error) => {
      signal.throwIfAborted();
      problems.push(error.message);
      return undefined;
    });
    // A client that does not recover is part of the result.
    await load.succeeded(performance.now(), RECOVERY_TIMEOUT_MS, signal).catch(() => signal.throwIfAborted());
    const end = Math.max(performance.now() + STEADY_MS, faultAt + (options.seconds ?? 0) * 1000);
    await delay(end - performance.now(), undefined, { signal });
    await load.stop();
    pauses.disable();

    const findings = await lookAt({ ...options, waitMs: wholeAt === undefined ? 0 : VERIFY_TIMEOUT_MS });
    problems.push(...findings.filter(({ holds }) => !holds).map(({ message }) => message));
    const master = await actingMaster(options);
    return judged(
      {
        environment,
        fault: fault.name,
        at,
        promise: fault.promise,
        masterBefore: before.name,
        masterAfter: master?.name ?? null,
        wholeAfterMs: wholeAt === undefined ? null : rounded(wholeAt - faultAt),
        ownPauseMs: rounded(Math.max(0, pauses.max / 1e6 - PAUSE_RESOLUTION_MS)),
        ...(await load.results(master)),
      },
      problems,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    report("interrupted: mending what is broken");
    for (const problem of await mending.mend()) report(problem);
    throw new DrillInterrupted(`interrupted. ${summary(await clusterView(environment, inventory))}`);
  } finally {
    for (const problem of await mending.mend()) report(problem);
    await load.stop();
    await cleanUp(load, options);
  }
}

/** What was registered to mend what is broken. */
/** The clients of a drill run here, as real ones would. @throws DrillRefused when they could not reach any server */
async function refuseUnlessReached({ environment, inventory }: DrillOptions): Promise<void> {
  const { nodes } = await clusterView(environment, inventory);
  if (nodes.some(({ redis, sentinel }) => redis?.state ?? sentinel?.state)) return;
  throw new DrillRefused(
    `this computer reaches no server of ${environment} (${nodes[0]?.redis?.error ?? "none answers"}); run the drill where your ` +
      `application runs, or for hosts of npm run lab by npm run lab exec -- npx redis-ha drill ...`,
  );
}

class Mending {
  private readonly steps: { what: string; mend: () => Promise<void> }[] = [];

  constructor(private readonly report: (line: string) => void) {}

  readonly add = (what: string, mend: () => Promise<void>): void => {
    this.steps.push({ what, mend });
  };

  /** Does each step once, the last one first. @returns what failed, in words */
  async mend(): Promise<string[]> {
    const failed: string[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      this.report(`the drill ${step.what}`);
      await step.mend().catch((error: Error) => failed.push(`the drill ${step.what}, but: ${error.message}`));
    }
    return failed;
  }
}

/** @throws DrillRefused with everything that does not hold */
async function wholeMaster(options: DrillOptions): Promise<TopologyNode> {
  const { environment, inventory } = options;
  const open = (await lookAt(options)).filter(({ holds }) => !holds);
  const { master } = await clusterView(environment, inventory);
  if (open.length === 0 && master) return master;
  const reasons = open.length > 0 ? open.map(({ message }) => message) : ["no quorum of Sentinels names a master"];
  throw new DrillRefused(
    [
      `${environment} is not whole, and a drill would break it further:`,
      ...reasons.map((reason) => `  ${reason}`),
      `npx redis-ha verify --env ${environment} --wait 30 waits for what passes by itself, and says what mends the rest`,
    ].join("\n"),
  );
}

/** @returns when it was. @throws with what is still wrong after a minute */
async function untilWhole({ environment, inventory }: DrillOptions, signal: AbortSignal): Promise<number> {
  let last = "";
  const look = async (): Promise<number | undefined> => {
    signal.throwIfAborted();
    const view = await clusterView(environment, inventory);
    last = summary(view);
    return view.master && troubles(view).length === 0 ? performance.now() : undefined;
  };
  return waitFor("the cluster is whole again", look, WHOLE_TIMEOUT_MS, 100).catch(() => {
    signal.throwIfAborted();
    throw new Error(`the cluster was not whole again within ${WHOLE_TIMEOUT_MS / 1000} s: ${last}`);
  });
}

async function cleanUp(load: Load, options: DrillOptions): Promise<void> {
  try {
    const master = await actingMaster(options);
    if (!master) throw new Error("there is no master");
    await load.removeKeys(master);
  } catch (error) {
    options.report(
      `the keys of this drill (drill:...) could not be removed: ${(error as Error).message}; they go after an hour`,
    );
  }
}
