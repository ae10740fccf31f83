import { programFile } from "../../agent/program.ts";
import { expectationOf, localFacts, synthesizedSpec } from "../../cluster/evidence.ts";
import type { Fault } from "../fault.ts";
import { whyNoNamespaces } from "../namespaces.ts";
import { type DrillResult, judged, type WriterResult } from "../result.ts";
import { DrillRefused, type DrillOptions } from "../run.ts";
import { partitionDrill, type PartitionFigures } from "./partition.ts";

export const partitionFault: Fault = {
  name: "partition",
  title: "in a copy of the environment, the master is cut off together with clients for 15 s (needs Linux and root)",
  // A master that is cut off cannot know it at once: what it acknowledges until then is lost, unless WAIT was asked for.
  promise: "wait",
  drill: async (options) => {
    const why = whyNoNamespaces();
    if (why !== undefined) throw new DrillRefused(why);
    const { environment, inventory, root, report } = options;
    const facts = await localFacts(environment, inventory, root);
    const synthesized = (node: string) => synthesizedSpec(environment, node, root);
    const { specs: expected } = expectationOf(environment, inventory, facts, synthesized);
    const specs = [...expected.values()].map(({ spec }) => spec);
    const at = new Date().toISOString();
    const figures = await partitionDrill({ specs, program: programFile(), report, seconds: options.seconds });
    return resultOf(options, at, figures);
  },
};

function resultOf({ environment }: DrillOptions, at: string, figures: PartitionFigures): DrillResult {
  const { inner, outer } = figures;
  const writer = (
    client: string,
    wait: boolean,
    { acknowledged, lost, firstLostMs = null }: { acknowledged: number; lost: number; firstLostMs?: number | null },
    longestGapMs: number | null,
    gapBeganMs: number | null,
  ): WriterResult => ({
    client,
    rate: "paced",
    wait,
    acknowledged,
    lost,
    lostFirstMs: firstLostMs,
    lostLastMs: null,
    repeated: 0,
    errors: null,
    longestGapMs,
    gapBeganMs,
    recovered: longestGapMs !== null,
  });
  return judged(
    {
      environment,
      fault: "partition",
      at,
      promise: "wait",
      masterBefore: figures.isolated,
      masterAfter: figures.newMaster,
      wholeAfterMs: figures.isolatedMs + figures.wholeAgainAfterMs,
      ownPauseMs: null,
      writers: [
        writer("beside the master", false, inner.plain, null, inner.plain.stoppedAfterMs),
        writer("beside the master", true, inner.wait, null, inner.wait.stoppedAfterMs),
        writer("beside the others", false, outer, outer.takenOverAfterMs, outer.takenOverAfterMs === null ? null : 0),
      ],
      readers: [],
    },
    outer.takenOverAfterMs === null ? ["no client beside the others was taken over by a new master"] : [],
  );
}
