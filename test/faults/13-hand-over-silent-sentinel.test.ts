import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { HandOvers } from "../support/hand-overs.ts";

/** Under load. Each test leaves a whole cluster behind. */
describe.sequential("13: a hand-over that one Sentinel misses", () => {
  let cluster: AppliedCluster;
  let handOvers: HandOvers;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17260));
    handOvers = new HandOvers(cluster);
    // The epochs of a cluster that Sentinel has failed over are above those of one that it has not.
    await handOvers.sentinelFailover();
  });
  afterAll(() => cluster?.remove());

  it("goes on when a Sentinel falls silent half-way", async () => {
    const [, node] = await cluster.replicas();
    const pid = cluster.pid(node, "sentinel");
    try {
      const load = await cluster.underLoad(async (writer) => {
        writer.takeGapMs();
        const { code, all } = await handOvers.faultAfter("switched", "SIGSTOP", pid);
        expect(code, all).toBe(0);
        expect(writer.takeGapMs()).toBeLessThan(10_000);
        await handOvers.naming(async (watch) => {
          cluster.signal("SIGCONT", node, "sentinel");
          await watch(6000);
        }, node);
      });
      expectNothingLost(load);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await cluster.verified();
    await handOvers.expectEqualEpochs();
  });

  it("lets the Sentinels fail over in their own way, fenced, when one of them is silent", async () => {
    const [, node] = await cluster.replicas();
    cluster.signal("SIGSTOP", node, "sentinel");
    try {
      const load = await cluster.underLoad(async (writer) => {
        writer.takeGapMs();
        expect((await handOvers.failover()).grade).toBe("slow");
        const gap = Math.round(writer.takeGapMs());
        console.log(`hand-over with a silent Sentinel: ${gap} ms without writes`);
        expect(gap).toBeLessThan(3000);
        await handOvers.naming(async (watch) => {
          cluster.signal("SIGCONT", node, "sentinel");
          await watch(6000);
        }, node);
      });
      expectNothingLost(load);
    } finally {
      cluster.signal("SIGCONT", node, "sentinel");
    }
    await cluster.verified();
    await handOvers.expectEqualEpochs();
    for (const each of cluster.cluster.names)
      expect(await cluster.configValue(each, "min-replicas-to-write")).toBe("1");
  });

  describe("a Sentinel that was down meanwhile and comes back with its old state", () => {
    let node: string;
    let state: string;

    /** A Sentinel with a higher epoch than a cluster without one would have. */
    const down = async (): Promise<void> => {
      [, node] = await cluster.replicas();
      cluster.kill(node, "agent", "sentinel");
      await cluster.untilGone(node, "sentinel");
      state = fs.readFileSync(cluster.folder(node).sentinelState, "utf8");
      expect(Number(/config-epoch \S+ (\d+)/.exec(state)?.[1])).toBeGreaterThan(0);
    };
    /** As somebody's own hands would, without the step that asks the others. */
    const backByHand = (): ChildProcess => {
      const { sentinelState, sentinelConf, sentinelData, logs } = cluster.folder(node);
      fs.writeFileSync(sentinelState, state);
      const args = [sentinelState, "--sentinel", "--include", sentinelConf, "--dir", sentinelData];
      return spawn("redis-server", [...args, "--logfile", path.join(logs, "sentinel.log")], { stdio: "ignore" });
    };

    it("is corrected by the others, and corrects nobody", async () => {
      let sentinel: ChildProcess | undefined;
      try {
        const load = await cluster.underLoad(async () => {
          await down();
          expect((await handOvers.failover()).grade).toBe("fast");
          await handOvers.naming(async (watch) => {
            sentinel = backByHand();
            await watch(8000);
          }, node);
        });
        expectNothingLost(load);
      } finally {
        sentinel?.kill("SIGKILL");
        await cluster.apply(node);
      }
      await cluster.verified();
      await handOvers.expectEqualEpochs();
    });

    it("would overrule them without the step that raises the epoch; the next command mends that too", async () => {
      let sentinel: ChildProcess | undefined;
      try {
        const load = await cluster.underLoad(async () => {
          await down();
          for (const each of cluster.cluster.names) if (each !== node) cluster.kill(each, "agent");
          await handOvers.killedAfter("rewritten");
          const to = await cluster.cluster.master();
          sentinel = backByHand();
          await waitFor(
            "the others are overruled",
            async () => (await handOvers.named()).some((it) => it !== to) || undefined,
            8000,
          );
          const { code, all } = await cluster.redisHa("converge");
          expect(code, all).toBe(0);
        });
        expectNothingLost(load);
      } finally {
        sentinel?.kill("SIGKILL");
        for (const each of cluster.cluster.names) await cluster.apply(each);
      }
      await cluster.verified();
      await handOvers.expectEqualEpochs();
    });
  });
});
