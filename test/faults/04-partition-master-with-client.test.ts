import { beforeAll, expect, it } from "vitest";
import { partitionDrill, type PartitionFigures } from "../../drill/faults/partition.ts";
import { local } from "../../environments/local.ts";
import { localPair } from "../../environments/local-pair.ts";
import { builtProgram, describeInNamespaces, specsFrom } from "../support/lab.ts";

/** down-after 2 s, the election, and a client that first has to notice (socketTimeout 1 s): 4.4 s measured. */
const TAKE_OVER_MS = 7000;

for (const [shape, environment] of [
  ["three data nodes", local],
  ["two data nodes and a witness", localPair],
] as const) {
  describeInNamespaces(`a partition: ${shape}, the master cut off with its clients for 15 s`, () => {
    const program = builtProgram();
    let figures: PartitionFigures;

    beforeAll(async () => {
      figures = await partitionDrill({ specs: specsFrom(environment), program: program() });
      console.log(`partition, ${shape}: ${JSON.stringify(figures)}`);
    });

    // Redis by itself needs up to max-lag + 2 s; the agent of the master notices sooner that it is alone.
    it("the clients beside the cut-off master are soon refused, for good", () => {
      const { inner, maxLagMs } = figures;
      expect(inner.plain.stoppedAfterMs).toBeLessThanOrEqual(maxLagMs + 1000);
      expect(inner.wait.stoppedAfterMs).toBeLessThan(100);
    });

    it("no write that WAIT acknowledged is lost", () => {
      expect(figures.inner.wait.acknowledged).toBeGreaterThan(0);
      expect(figures.inner.wait.lost).toBe(0);
    });

    it("without WAIT, what is lost was acknowledged after the cut", () => {
      const { lost, firstLostMs } = figures.inner.plain;
      // None would mean that the master was not cut off.
      expect(lost).toBeGreaterThan(0);
      // What was on its way at the cut.
      expect(firstLostMs).toBeGreaterThan(-100);
    });

    it("the others have a new master, and their clients lose nothing", () => {
      const { isolated, newMaster, outer } = figures;
      expect(newMaster).not.toBe(isolated);
      expect(outer.takenOverAfterMs).not.toBeNull();
      expect(outer.takenOverAfterMs).toBeLessThan(TAKE_OVER_MS);
      expect(outer.lost).toBe(0);
    });

    it("one master is left when the partition ends", () => {
      expect(figures.wholeAgainAfterMs).toBeLessThan(20_000);
    });
  });
}
