import fs from "node:fs";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Journal } from "../../agent/handover/journal.ts";
import { expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

const TRIES = 5;

/** The process of the master dies, and then its agent, in the middle of making a replica master. */
describe.sequential("1: the agent is killed in a crash hand-over", { timeout: 180_000 }, () => {
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17_300));
  });
  afterAll(() => wreckage?.remove());

  const stageOf = (node: string): Journal["stage"] | undefined => {
    try {
      const text = fs.readFileSync(path.join(wreckage.folder(node).root, "handover.json"), "utf8");
      return (JSON.parse(text) as Journal).stage;
    } catch {
      return undefined;
    }
  };
  /** @returns whether the agent was met at this stage */
  const killedAt = async (stage: Journal["stage"], master: string): Promise<boolean> => {
    const agent = wreckage.checkout.pid("local", master, "agent") as number;
    process.kill(wreckage.checkout.pid("local", master, "redis") as number, "SIGKILL");
    for (const end = performance.now() + 3000; performance.now() < end; await turn()) {
      if (stageOf(master) !== stage) continue;
      process.kill(agent, "SIGKILL");
      return stageOf(master) === stage;
    }
    return false;
  };

  it.each([
    ["switching", "and started again"],
    ["announcing", "and started again"],
    ["epoch", "and started again"],
    ["switching", "for good"],
    ["announcing", "for good"],
  ] as const)("at the stage %s, %s: one master, and nothing is lost", async (stage, then) => {
    let met = false;
    for (let attempt = 0; attempt < TRIES && !met; attempt++) {
      const load = await wreckage.cluster.underLoad(async (writer) => {
        const master = await wreckage.cluster.whole();
        writer.takeGapMs();
        met = await killedAt(stage, master);
        // The other agents and Sentinel have the time for it that they need.
        if (then === "for good" && met) await wreckage.cluster.masterOtherThan(master, 60_000);
        console.log(
          `${stage}, ${then}: ${met ? "met" : "missed"}, ${Math.round(writer.takeGapMs())} ms without writes`,
        );
        await wreckage.kill(master, "agent");
        wreckage.startAgent(master);
        await wreckage.cluster.whole(60_000);
      });
      expectNothingLost(load);
      await wreckage.holds();
    }
    expect(met, "the agent was never met at this stage").toBe(true);
  });
});
