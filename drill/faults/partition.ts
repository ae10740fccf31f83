import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "../../agent/processes.ts";
import { clientOptions, directLoginOf } from "../../cli/client-options.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { monotonicMs, type Written } from "../acknowledged-writer.ts";
import type { InsideProcess } from "../inside-process.ts";
import { NamespacedCluster } from "../namespaced-cluster.ts";

export interface PartitionOptions {
  /** Of all nodes of one environment, as they were synthesized. */
  readonly specs: readonly NodeSpec[];
  /** Path of redis-ha.cjs. */
  readonly program: string;
  /** How long the master is cut off, in seconds. @default 15 */
  readonly seconds?: number;
  /** Called with each step, in words. */
  readonly report?: (step: string) => void;
}

export interface WriterFigures {
  /** Writes that the client was told had succeeded, over the whole drill. */
  readonly acknowledged: number;
  /** Those of them that the cluster does not have at the end. */
  readonly lost: number;
}

export interface InnerWriterFigures extends WriterFigures {
  /** From the cut to the last acknowledged write, in milliseconds; 0 = none after the cut. */
  readonly stoppedAfterMs: number;
  /** From the cut to the first write that was lost; negative = before it, null = none was lost. */
  readonly firstLostMs: number | null;
}

export interface PartitionFigures {
  /** The master that was cut off, together with a client. */
  readonly isolated: string;
  readonly newMaster: string;
  readonly isolatedMs: number;
  /** The clients on the side of the cut-off master. */
  readonly inner: { readonly plain: InnerWriterFigures; readonly wait: InnerWriterFigures };
  /** A client on the side of the others, with the options that `redis-ha connect` prints. */
  readonly outer: WriterFigures & {
    /** From the cut to the first write that another master acknowledged, in milliseconds. */
    readonly takenOverAfterMs: number | null;
  };
  /** From the end of the cut until one master was named and followed by all, in milliseconds. */
  readonly wholeAgainAfterMs: number;
  /** What min-replicas-max-lag allows the cut-off master to go on for, in milliseconds. */
  readonly maxLagMs: number;
}

/** Enough to know that a writer runs at its pace before anything is broken. */
const WARM_UP_WRITES = 100;
const WARM_UP_TIMEOUT_MS = 10_000;

const inner = [
  { name: "plain", waitReplicas: 0 },
  { name: "wait", waitReplicas: 1 },
] as const;
const OUTER = "outer";

/**
 * Cuts the master off together with two clients, one that asks for WAIT 1 and one that does not, while a third writes
 * on the other side. It does so in a copy of the environment in network namespaces of its own, so the cluster that runs
 * is not touched. Takes the time of the cut and about 15 to 25 s.
 * @throws when the namespaces cannot be made here (see `whyNoNamespaces`), no other master is made, or the cluster does
 * not become whole again; nothing is left behind either way
 */
export async function partitionDrill(options: PartitionOptions): Promise<PartitionFigures> {
  const { report = () => undefined } = options;
  report("starting a copy of the environment in network namespaces");
  const cluster = await NamespacedCluster.start(options.specs, options.program);
  try {
    return await isolateMaster(cluster, (options.seconds ?? 15) * 1000, report);
  } finally {
    await cluster.remove();
  }
}

async function isolateMaster(
  cluster: NamespacedCluster,
  isolatedMs: number,
  report: (step: string) => void,
): Promise<PartitionFigures> {
  const isolated = await cluster.whole();
  const [within, outside] = [cluster.inside({ node: isolated }), cluster.inside("control")];
  await startWriters(cluster, isolated, within, outside);

  cluster.namespaces.isolate(isolated);
  const cutAt = monotonicMs();
  report(`${isolated}, the master, is cut off with its clients for ${isolatedMs / 1000} s`);
  await delay(isolatedMs);
  const newMaster = (await cluster.view()).master?.name;
  if (newMaster === undefined || newMaster === isolated) {
    throw new Error(`${isolated} was cut off for ${isolatedMs / 1000} s, and the others have no new master`);
  }
  cluster.namespaces.heal(isolated);
  const healedAt = monotonicMs();
  report(`${newMaster} has taken over; ${isolated} is connected again`);
  const final = await cluster.whole();
  const wholeAgainAfterMs = monotonicMs() - healedAt;
  report(`${final} is the only master; looking for lost writes`);

  const server = cluster.endpoint(final);
  const [plain, wait, outer] = await Promise.all([
    within.ask("finishWriter", "plain", server),
    within.ask("finishWriter", "wait", server),
    outside.ask("finishWriter", OUTER, server),
  ]);
  const former = cluster.endpoint(isolated).address;
  const takenOver = outer.acks.find(({ atMs, by }) => atMs > cutAt && by !== former);
  return {
    isolated,
    newMaster,
    isolatedMs,
    inner: { plain: innerFigures(plain, cutAt), wait: innerFigures(wait, cutAt) },
    outer: { ...figures(outer), takenOverAfterMs: takenOver ? Math.round(takenOver.atMs - cutAt) : null },
    wholeAgainAfterMs: Math.round(wholeAgainAfterMs),
    maxLagMs: Number(cluster.setting("min-replicas-max-lag")) * 1000,
  };
}

/** Two writers beside the master, connected straight to it as a client that was there before, and one outside. */
async function startWriters(
  cluster: NamespacedCluster,
  master: string,
  within: InsideProcess,
  outside: InsideProcess,
): Promise<void> {
  const { address: host, port } = cluster.endpoint(master);
  const connected = { host, port, ...directLoginOf("master", cluster.logins) };
  for (const writer of inner) await within.ask("startWriter", { ...writer, connection: connected });
  const options = clientOptions(cluster.inventory, "master", cluster.logins);
  const connection = { ...options, sentinels: [...options.sentinels] };
  await outside.ask("startWriter", { name: OUTER, waitReplicas: 0, connection });
  const writers = [...inner.map(({ name }) => [within, name] as const), [outside, OUTER] as const];
  for (const [process, name] of writers) {
    await waitFor(
      `the writer ${name} has written ${WARM_UP_WRITES} keys`,
      async () => ((await process.ask("acknowledged", name)) >= WARM_UP_WRITES ? true : undefined),
      WARM_UP_TIMEOUT_MS,
      100,
    );
  }
}

const figures = ({ acks, lost }: Written): WriterFigures => ({ acknowledged: acks.length, lost: lost.length });

function innerFigures(written: Written, cutAt: number): InnerWriterFigures {
  const last = written.acks.at(-1)?.atMs ?? cutAt;
  const firstLost = written.lost[0]?.atMs;
  return {
    ...figures(written),
    stoppedAfterMs: Math.max(0, Math.round(last - cutAt)),
    firstLostMs: firstLost === undefined ? null : Math.round(firstLost - cutAt),
  };
}
