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
  /** On a busy computer the loss may not come about at once, when the agent gets no answers: then all is done again. */
  const ATTEMPTS = 3;
  /**
   * @param scenario breaks a cluster and returns the keys of what was acknowledged
   * @param because why the agent, as it is, promotes nobody; asked when it is known who is who
   */
  const judge = async (
    without: readonly string[],
    because: () => RegExp,
    scenario: () => Promise<readonly string[]>,
  ): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      await crashes.begin();
      const lost = await crashes.lost(await scenario());
      if (without.length === 0) {
        expect(crashes.decision()).toMatch(because());
        expect(lost).toBe(0);
        return;
      }
      if (lost > 0) return;
      if (attempt === ATTEMPTS) expect(lost, crashes.decision()).toBeGreaterThan(0);
      await crashes.end();
    }
  };

  /** The master dies with writes that no replica has received. @returns their keys */
  const crashAhead = async (): Promise<string[]> => {
    const replicas = crashes.others.map((node) => crashes.pid(node, "redis"));
    for (const replica of replicas) crashes.hang(replica);
    const keys = await crashes.writeWhatNoneReceives();
    crashes.crash();
    for (const replica of replicas) crashes.resume(replica);
    return keys;
  };

  describe("while its replicas are receiving a full copy", () => {
    each("%s", async (_, without) => {
      await judge(
        without,
        () => /restart in place: no replica can take over \(.*(full copy|history|not online)/,
        async () => {
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
          return keys;
        },
      );
    });
  });

  describe("while its replicas lag behind", () => {
    each("%s", async (_, without) => {
      await judge(
        without,
        () => /restart in place: no replica can take over \(.*behind the last sample/,
        async () => {
          await crashes.agentWithout(without);
          return crashAhead();
        },
      );
    });
  });

  describe("while the replica that has everything is silent, and the other one lags", () => {
    each("%s", async (_, without) => {
      // The one that lags may not have answered yet either.
      const because = (): RegExp => {
        const [lagging, silent] = crashes.others;
        return new RegExp(`restart in place: (${lagging} and )?${silent} does not answer`);
      };
      await judge(without, because, async () => {
        await crashes.agentWithout(without);
        const [lagging, silent] = crashes.others.map((node) => crashes.pid(node, "redis")) as [number, number];
        crashes.hang(lagging);
        const keys = await crashes.writeWhatNoneReceives();
        crashes.hang(silent);
        crashes.crash();
        crashes.resume(lagging);
        await delay(1500);
        crashes.resume(silent);
        return keys;
      });
    });
  });

  describe("a second time, when the replicas lag behind the one that took over", () => {
    /** @param between after the first crash, before the second */
    const twice = async (between: () => Promise<unknown>): Promise<string[]> => {
      crashes.crash();
      crashes.became(await crashes.cluster.cluster.masterOtherThan(crashes.master));
      await between();
      return crashAhead();
    };

    each("%s", async (_, without) => {
      await judge(
        without,
        () => /restart in place: no replica can take over/,
        async () => {
          for (const node of crashes.others) await crashes.agentWithout(without, node);
          return twice(() => crashes.cluster.verified());
        },
      );
    });

    it("nothing is lost either when the first hand-over has not ended", async () => {
      // One that has been master for a moment has no sample of that, and is started again without a word.
      await judge(
        [],
        () => /restart in place|^$/,
        () => twice(() => crashes.cluster.cluster.whole()),
      );
    });
  });
});
