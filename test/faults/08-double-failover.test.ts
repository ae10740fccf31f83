import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { AcknowledgedWriter } from "../../drill/acknowledged-writer.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

const ROUNDS = 3;

describe.sequential("8: the next master is killed too", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17640));
  });
  afterAll(() => cluster?.remove());

  it("both processes, one right after the other, with their agents alive: no write is lost", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const load = await cluster.underLoad(async () => {
        const first = await cluster.master();
        await cluster.crash(first, "redis");
        // Another node, or the same one again.
        const next = await waitFor("a master", async () => (await cluster.cluster.master()) || undefined, 20_000);
        await cluster.crash(next, "redis");
        await cluster.verified();
      });
      console.log(`two crashes: ${Math.round(load.longestGapMs)} ms without writes at the longest`);
      expectNothingLost(load);
    }
  });

  // Nothing is promised for a write that only the first two had: so many failures WAIT has to cover.
  it.each([
    ["as soon as it is named", 0, 2],
    ["when the third node follows it", 2000, 1],
  ])("nodes with their agents, the second %s: one change of master for each", async (_, ms, waitReplicas) => {
    for (let round = 0; round < ROUNDS; round++) {
      const connection = cluster.cluster.plainOptions;
      const confirmed = new AcknowledgedWriter({ connection, name: `confirmed-${Date.now()}`, waitReplicas });
      try {
        await waitFor("confirmed writes", () => confirmed.acknowledged > 50 || undefined, 10_000);
        let [second, third] = ["", ""];
        const changes = await cluster.masterChanges(async () => {
          const first = await cluster.master();
          cluster.kill(first, "agent", "redis");
          second = await cluster.cluster.masterOtherThan(first);
          await delay(ms);
          cluster.kill(second, "agent", "redis");
          third = await cluster.cluster.masterOtherThan(second, 60_000);
          expect([first, second]).not.toContain(third);
          // Alone it takes no writes: it wants one replica in step.
          await delay(3000);
          expect(await cluster.cluster.master()).toBe(third);
          for (const node of [first, second]) await cluster.apply(node);
          expect(await cluster.master()).toBe(third);
          await cluster.verified();
        });
        // The second may have been master for less time than there is between two looks.
        expect([[second, third], [third]]).toContainEqual(changes);
        const { acks, lost } = await confirmed.finish(cluster.endpoint(await cluster.master()));
        console.log(`two nodes killed, ${ms} ms between: ${acks.length} confirmed by ${waitReplicas}`);
        expect(lost, `lost writes that WAIT ${waitReplicas} had confirmed`).toEqual([]);
      } finally {
        await confirmed.stop();
      }
    }
  });
});
