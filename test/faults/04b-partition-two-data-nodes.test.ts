import { beforeAll, expect, it } from "vitest";
import { partitionDrill, type PartitionFigures } from "../../drill/faults/partition.ts";
import { localPair } from "../../environments/local-pair.ts";
import { builtProgram, describeInNamespaces, specsFrom } from "../support/lab.ts";

describeInNamespaces("a partition: two data nodes and a witness, the master cut off with its clients for 15 s", () => {
  const program = builtProgram();
  let figures: PartitionFigures;

  beforeAll(async () => {
    figures = await partitionDrill({ specs: specsFrom(localPair), program: program() });
    console.log(`partition, two data nodes: ${JSON.stringify(figures)}`);
  });

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
    expect(outer.takenOverAfterMs).toBeLessThan(7000);
    expect(outer.lost).toBe(0);
  });
});
