import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import { threeNodes } from "../support/checkout.ts";
import { expectNothingLost } from "../support/applied-cluster.ts";
import { Wreckage } from "../support/wreckage.ts";

/** 0.3 s are usual: the agent's start, the prestart, the server's start and a partial or full copy of little data. */
const SYNCED_MS = 10_000;
/** Sentinel makes a master that it does not want a replica after some 10 s. */
const TURNED_ROUND_MS = 30_000;

/** A master that died is back when another one has been made. It knows nothing of that, and its clients may come back to it. */
describe.sequential("7: the old master returns", () => {
  let wreckage: Wreckage;
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17620));
  });
  afterAll(() => wreckage?.remove());

  /** Tries to write straight to a node, from before it starts until it is a replica in sync. */
  const watched = async (
    node: string,
    start: () => unknown,
    withinMs: number,
  ): Promise<{ taken: number; refused: Set<string>; syncedMs: number }> => {
    let taken = 0;
    let over = false;
    const refused = new Set<string>();
    const probing = (async () => {
      for (let number = 0; !over; number++) {
        await withConnection(wreckage.cluster.endpoint(node), (redis) => redis.set(`stray:${number}`, "1"), 500).then(
          () => taken++,
          (error: Error) => refused.add(/refused/.test(error.message) ? "down" : (error.message.split(" ")[0] ?? "")),
        );
        await delay(2);
      }
    })();
    const began = performance.now();
    start();
    try {
      await waitFor(
        `${node} is a replica in sync`,
        async () => ((await wreckage.cluster.state(node))?.link === "up" ? true : undefined),
        withinMs,
        5,
      );
      const syncedMs = Math.round(performance.now() - began);
      await delay(500);
      return { taken, refused, syncedMs };
    } finally {
      over = true;
      await probing;
    }
  };

  it.each<[string, ("agent" | "redis" | "sentinel")[]]>([
    ["whose Sentinel lived on", ["agent", "redis"]],
    ["whose whole node was gone", ["agent", "redis", "sentinel"]],
  ])("%s: it takes no write, and is a replica in sync at once", async (_, processes) => {
    const former = await wreckage.cluster.whole();
    const load = await wreckage.cluster.underLoad(async () => {
      await wreckage.kill(former, ...processes);
      await wreckage.cluster.masterOtherThan(former);
      const { taken, refused, syncedMs } = await watched(former, () => wreckage.startAgent(former), SYNCED_MS);
      console.log(`in sync ${syncedMs} ms after the start of its agent; told ${[...refused].join(", ")}`);
      expect(taken).toBe(0);
    });
    expectNothingLost(load);
    expect(await wreckage.cluster.whole()).not.toBe(former);
    await wreckage.holds();
  });

  it("started by hand, as master, without its agent: it takes no write until Sentinel turns it round", async () => {
    const former = await wreckage.cluster.whole();
    const load = await wreckage.cluster.underLoad(async () => {
      await wreckage.kill(former, "agent", "redis");
      await wreckage.cluster.masterOtherThan(former);
      const { runtimeConf, redisConf, redisData, logs } = wreckage.folder(former);
      const args = [runtimeConf, "--include", redisConf, "--dir", redisData, "--logfile", path.join(logs, "redis.log")];
      const start = (): unknown => spawn("redis-server", args, { detached: true, stdio: "ignore" }).unref();
      const { taken, refused, syncedMs } = await watched(former, start, TURNED_ROUND_MS);
      console.log(`by hand: a replica after ${syncedMs} ms; told ${[...refused].join(", ")}`);
      expect(taken).toBe(0);
      // No replica follows it, and it wants one for each write.
      expect([...refused]).toContain("NOREPLICAS");
    });
    expectNothingLost(load);
    wreckage.startAgent(former);
    await wreckage.holds();
  });
});
