import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { threeNodes } from "../support/checkout.ts";
import { expectNothingLost } from "../support/applied-cluster.ts";
import { Wreckage } from "../support/wreckage.ts";

/** An election, and all of a failover after it. */
const SETTLED_MS = 2500;

/**
 * The node of the master dies and is back around the time at which the Sentinels act (down-after is 2 s). The agent needs
 * some 0.3 s to start the server, so that each of these meets another stage: before they notice, while they vote, while
 * they promote, and after it.
 */
describe.sequential("19: the master's node restarts", () => {
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17820));
  });
  afterAll(() => wreckage?.remove());

  it.each([0, 700, 1200, 1300, 1400, 1500, 1600, 1700, 1900, 2200, 2800, 3300])(
    "%i ms after it died: nothing is lost",
    async (ms) => {
      const former = await wreckage.cluster.whole();
      let changes: string[] = [];
      const load = await wreckage.cluster.underLoad(async () => {
        changes = await wreckage.cluster.masterChanges(async () => {
          await wreckage.kill(former, "agent", "redis");
          await delay(ms);
          wreckage.startAgent(former);
          await wreckage.cluster.whole();
          // Sentinels that had begun to act go on, although the master is back.
          await delay(SETTLED_MS);
        });
      });
      const who = changes.length === 0 ? "the same master" : `then ${changes.join(", then ")}`;
      console.log(`restart after ${ms} ms: ${who}, ${Math.round(load.longestGapMs)} ms without writes`);
      expectNothingLost(load);
      expect(changes.length).toBeLessThanOrEqual(1);
      await wreckage.holds();
    },
  );
});
