import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Step, steps } from "../../agent/handover/handover.ts";
import { waitFor } from "../../agent/processes.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { HandOvers } from "../support/hand-overs.ts";

/** Under load, after each of its steps. Each test leaves a whole cluster behind. */
describe.sequential("13: a hand-over that is killed half-way", () => {
  let cluster: AppliedCluster;
  let handOvers: HandOvers;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17240));
    handOvers = new HandOvers(cluster);
  });
  afterAll(() => cluster?.remove());

  it("killed in a cluster that never failed over is ended by the agents within seconds", async () => {
    expect(await cluster.epochs()).toEqual([0, 0, 0]);
    const load = await cluster.underLoad(async () => {
      await handOvers.killedAfter("told");
      await handOvers.untilNoJournal();
    });
    expectNothingLost(load);
    await cluster.verified();
    await handOvers.expectEqualEpochs();
  });

  it.each(steps)("killed after the step %s is ended by the agents within seconds", async (step) => {
    const before = handOvers.ended();
    const load = await cluster.underLoad(async () => {
      await handOvers.killedAfter(step);
      await handOvers.untilNoJournal();
    });
    // After the last step nothing is left to be ended but the journal.
    expect(handOvers.ended()).toBe(before + 1);
    expectNothingLost(load);
    await cluster.verified();
    await handOvers.expectEqualEpochs();
    // The later steps meet the epochs of a cluster that Sentinel has failed over.
    if (step === "switched") await handOvers.sentinelFailover();
  });

  it.each<Step>(["paused", "switched", "forgotten"])(
    "killed after the step %s is ended by the next command when no agent lives",
    async (step) => {
      const load = await cluster.underLoad(async () => {
        for (const node of cluster.cluster.names) cluster.kill(node, "agent");
        await handOvers.killedAfter(step);
        expect(handOvers.journals()).toHaveLength(1);
        await handOvers.failover();
      });
      expectNothingLost(load);
      expect(handOvers.journals()).toEqual([]);
      const { code, all } = await cluster.redisHa("converge");
      expect(code, all).toBe(0);
      await cluster.verified();
      await handOvers.expectEqualEpochs();
    },
  );

  it("killed before the roles changed, with no agent and no further command, leaves the master where it was", async () => {
    const master = await cluster.master();
    const load = await cluster.underLoad(async (writer) => {
      for (const node of cluster.cluster.names) cluster.kill(node, "agent");
      writer.takeGapMs();
      await handOvers.killedAfter("equal");
      const before = writer.count;
      await waitFor("the writes go on", () => writer.count > before + 20 || undefined, 5000);
      // A server that pauses writes keeps PUBLISH waiting too, and so the Sentinels: they must not take it for dead.
      expect(writer.takeGapMs()).toBeLessThan(2000);
      await delay(3000);
      expect(await cluster.cluster.master()).toBe(master);
    });
    expectNothingLost(load);
    const { code, all } = await cluster.redisHa("converge");
    expect(code, all).toBe(0);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });

  it("killed when they have, with no agent and no further command, is ended by Sentinel", async () => {
    const former = await cluster.master();
    const load = await cluster.underLoad(async (writer) => {
      for (const node of cluster.cluster.names) cluster.kill(node, "agent");
      writer.takeGapMs();
      await handOvers.killedAfter("switched");
      // Sentinel gives a master that says it is a replica down-after and two of its INFO periods of 10 s, then fails over.
      await cluster.cluster.masterOtherThan(former, 60_000);
      console.log(`hand-over killed, Sentinel alone: ${Math.round(writer.takeGapMs())} ms without writes`);
    });
    expectNothingLost(load);
    const { code, all } = await cluster.redisHa("converge");
    expect(code, all).toBe(0);
    await cluster.verified();
    await handOvers.expectEqualEpochs();
  });
});
