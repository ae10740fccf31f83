import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { HandOvers } from "../support/hand-overs.ts";

/** The budget is 130 ms for this client; this much more is for a computer that has other things to do. */
const SANE_GAP_MS = 1000;

/** Under load. Each test leaves a whole cluster behind. */
describe.sequential("13: a hand-over", () => {
  let cluster: AppliedCluster;
  let handOvers: HandOvers;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17400));
    handOvers = new HandOvers(cluster);
  });
  afterAll(() => cluster?.remove());

  it("moves the master five times in a row; the clients lose nothing and see no error", async () => {
    const gaps: number[] = [];
    const load = await cluster.underLoad(async (writer) => {
      for (let round = 0; round < 5; round++) {
        writer.takeGapMs();
        const { from, to, grade } = await handOvers.failover();
        expect(grade).toBe("fast");
        expect(to).not.toBe(from);
        gaps.push(Math.round(writer.takeGapMs()));
      }
    });
    console.log(`hand-over, longest gaps in ms: ${gaps.join(", ")}`);
    expectNothingLost(load);
    expect(Math.max(...gaps)).toBeLessThan(SANE_GAP_MS);
    await cluster.verified();
    await handOvers.expectEqualEpochs();
  });

  it("gives the role to the node that was asked for", async () => {
    const [, wanted] = await cluster.replicas();
    expect((await handOvers.failover("--to", wanted)).to).toBe(wanted);
    expect(await cluster.master()).toBe(wanted);
  });

  it("touches nothing when the node that was asked for is master already, and refuses one that is not in sync", async () => {
    const master = await cluster.master();
    const [replica] = await cluster.replicas();
    const again = await cluster.redisHa("failover", "--to", master);
    expect(again.code).toBe(0);
    expect(again.all).toContain(`${master} is master already: nothing to do`);
    cluster.kill(replica, "agent", "redis");
    try {
      const dead = await cluster.redisHa("failover", "--to", replica);
      expect(dead.code).toBe(1);
      expect(dead.all).toContain(`it cannot take over (${replica}: connection refused)`);
      expect(handOvers.journals()).toEqual([]);
    } finally {
      await cluster.apply(replica);
    }
    expect(await cluster.master()).toBe(master);
  });

  it("gives up, and lets the writes go on, when the node that takes over dies before it has", async () => {
    const [target] = await cluster.replicas();
    const load = await cluster.underLoad(async (writer) => {
      writer.takeGapMs();
      const { code, all } = await handOvers.faultAfter("equal", "SIGKILL", cluster.pid(target, "redis"), target);
      expect(code, all).toBe(1);
      await handOvers.untilNoJournal();
      await cluster.master();
      console.log(`hand-over to a node that dies: ${Math.round(writer.takeGapMs())} ms without writes`);
    });
    expectNothingLost(load);
    await cluster.verified();
    await handOvers.expectEqualEpochs();
  });
});
