import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { askRedis } from "../../cluster/answers.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { Crashes, everything } from "../support/crashes.ts";

/**
 * What each condition of a crash hand-over is there for. Each fault is made twice: by the agent as it is, and by one
 * without the conditions that forbid to promote a replica here.
 */
describe.sequential("1: a master's process dies", () => {
  let crashes: Crashes;
  beforeAll(async () => {
    crashes = new Crashes(await AppliedCluster.start(threeNodes("local", 17_900, { maxMemoryMb: 250 })));
  });
  afterEach(() => crashes.end());
  afterAll(() => crashes?.cluster.remove());

  const each = it.each<[string, readonly string[]]>([
    ["nothing is lost", []],
    ["without the conditions, acknowledged writes are lost", everything],
  ]);
  /** @param because why the agent, as it is, promotes nobody */
  const judge = async (keys: readonly string[], without: readonly string[], because: RegExp): Promise<void> => {
    const lost = await crashes.lost(keys);
    if (without.length > 0) expect(lost, crashes.decision()).toBeGreaterThan(0);
    else {
      expect(crashes.decision()).toMatch(because);
      expect(lost).toBe(0);
    }
  };

  describe("while its replicas are receiving a full copy", () => {
    each("%s", async (_, without) => {
      await crashes.begin();
      await crashes.agentWithout(without);
      const { master, others, cluster } = crashes;
      await crashes.redis(master, (it) => it.config("SET", "min-replicas-to-write", "0"));
      await crashes.write(300, "before");
      for (const node of others) await crashes.redis(node, (it) => it.replicaof("NO", "ONE"));
      const keys = await crashes.write(300, "only here");
      // 10 ms a key: the copies take some seconds.
      await crashes.redis(master, (it) => it.config("SET", "rdb-key-save-delay", "10000"));
      const { port } = cluster.endpoint(master);
      for (const node of others) await crashes.redis(node, (it) => it.replicaof("127.0.0.1", port));
      await waitFor(
        "one is receiving, the other one waits for its turn",
        async () => {
          const states = (await askRedis(cluster.cluster.topology.nodes)).map(({ state }) => state);
          const behind = states.filter((state) => state?.role === "replica" && state.link === "down").length;
          return (behind === 2 && states.some((state) => state?.syncing)) || undefined;
        },
        5000,
      );
      await delay(500);
      crashes.crash();
      await judge(keys, without, /restart in place: no replica can take over \(.*(full copy|history|not online)/);
    });
  });

  describe("while its replicas lag behind", () => {
    each("%s", async (_, without) => {
      await crashes.begin();
      await crashes.agentWithout(without);
      const replicas = crashes.others.map((node) => crashes.pid(node, "redis"));
      for (const replica of replicas) crashes.hang(replica);
      const keys = await crashes.writeWhatNoneReceives();
      crashes.crash();
      for (const replica of replicas) crashes.resume(replica);
      await judge(keys, without, /restart in place: no replica can take over \(.*behind the last sample/);
    });
  });

  describe("while the replica that has everything is silent, and the other one lags", () => {
    each("%s", async (_, without) => {
      await crashes.begin();
      await crashes.agentWithout(without);
      const [lagging, silent] = crashes.others.map((node) => crashes.pid(node, "redis")) as [number, number];
      crashes.hang(lagging);
      const keys = await crashes.writeWhatNoneReceives();
      crashes.hang(silent);
      crashes.crash();
      crashes.resume(lagging);
      await delay(1500);
      crashes.resume(silent);
      await judge(keys, without, new RegExp(`restart in place: ${crashes.others[1]} does not answer`));
    });
  });

  describe("a second time, when the replicas lag behind the one that took over", () => {
    /** @param between after the first crash, before the second */
    const twice = async (between: () => Promise<unknown>): Promise<string[]> => {
      crashes.crash();
      crashes.became(await crashes.cluster.cluster.masterOtherThan(crashes.master));
      await between();
      const replicas = crashes.others.map((node) => crashes.pid(node, "redis"));
      for (const replica of replicas) crashes.hang(replica);
      const keys = await crashes.writeWhatNoneReceives();
      crashes.crash();
      for (const replica of replicas) crashes.resume(replica);
      return keys;
    };

    each("%s", async (_, without) => {
      await crashes.begin();
      for (const node of crashes.others) await crashes.agentWithout(without, node);
      await judge(await twice(() => crashes.cluster.verified()), without, /restart in place: no replica can take over/);
    });

    it("nothing is lost either when the first hand-over has not ended", async () => {
      await crashes.begin();
      await judge(await twice(() => crashes.cluster.cluster.whole()), [], /restart in place/);
    });
  });
});
