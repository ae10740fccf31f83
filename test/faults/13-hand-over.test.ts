import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Step, steps } from "../../agent/handover/handover.ts";
import { waitFor } from "../../agent/processes.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { type Ran, threeNodes } from "../support/checkout.ts";

/** The budget is 130 ms for this client; this much more is for a computer that has other things to do. */
const SANE_GAP_MS = 1000;

/** A hand-over and everything that may end it half-way, under load. Each test leaves a whole cluster behind. */
describe.sequential("13: a hand-over", () => {
  let cluster: AppliedCluster;

  const failover = async (...args: string[]): Promise<{ from: string; to: string; grade: string }> => {
    const { code, stdout, all } = await cluster.redisHa("failover", "--json", ...args);
    if (code !== 0) throw new Error(all);
    return JSON.parse(stdout) as { from: string; to: string; grade: string };
  };
  const faultAfter = (step: Step, ...fault: (string | number)[]): Promise<Ran> => {
    const script = path.join(cluster.checkout.root, "test", "support", "faulty-failover.ts");
    return cluster.checkout.run(process.execPath, ["--import", "tsx", script, "local", step, ...fault.map(String)]);
  };
  /** Hands over and is killed after a step. */
  const killedAfter = async (step: Step): Promise<void> => {
    const { code, all } = await faultAfter(step, "SIGKILL");
    // -1: it had no exit code, so a signal ended it.
    expect(code, all).toBe(-1);
  };
  /** How many interrupted hand-overs the agents have ended. */
  const ended = (): number =>
    cluster.cluster.names.reduce(
      (sum, node) => sum + [...cluster.agentLog(node).matchAll(/the interrupted hand-over/g)].length,
      0,
    );
  const journals = (): string[] =>
    cluster.cluster.names.filter((node) => fs.existsSync(path.join(cluster.folder(node).root, "handover.json")));
  const untilNoJournal = (timeoutMs = 10_000): Promise<true> =>
    waitFor("the interrupted hand-over has ended", () => journals().length === 0 || undefined, timeoutMs, 50);
  const expectEqualEpochs = async (): Promise<void> => {
    const epochs = await cluster.epochs();
    expect(new Set(epochs).size, `epochs ${epochs.join(", ")}`).toBe(1);
    expect(epochs[0]).toBeGreaterThan(0);
  };
  /** Whom the Sentinels name, without those that do not answer. */
  const named = async (without?: string): Promise<string[]> => {
    const answers = (await cluster.sentinels()).filter(({ node, state }) => state && node.name !== without);
    return answers.map(({ state }) => nodeAt(state?.master.port));
  };
  const nodeAt = (port: number | undefined): string =>
    cluster.cluster.topology.nodes.find(({ redisPort }) => redisPort === port)?.name ?? "";
  /** Watches that no Sentinel but `late`, which has time to learn, ever names another master than now. */
  const naming = async (use: (watch: (ms: number) => Promise<void>) => Promise<void>, late: string): Promise<void> => {
    const [master, ...same] = await named(late);
    expect(same).toEqual([master]);
    await use(async (ms) => {
      for (const end = Date.now() + ms; Date.now() < end; await delay(100)) {
        expect(await named(late)).toEqual([master, master]);
      }
      expect(await named()).toEqual([master, master, master]);
    });
  };
  /** By Sentinel, so that its epoch is counted up. */
  const sentinelFailover = async (): Promise<void> => {
    const former = await cluster.master();
    cluster.kill(former, "agent", "redis");
    await cluster.cluster.masterOtherThan(former);
    await cluster.apply(former);
    await cluster.verified();
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17400));
  });
  afterAll(() => cluster?.remove());

  it("killed in a cluster that never failed over is ended by the agents within seconds", async () => {
    expect(await cluster.epochs()).toEqual([0, 0, 0]);
    const load = await cluster.underLoad(async () => {
      await killedAfter("told");
      await untilNoJournal();
    });
    expectNothingLost(load);
    await cluster.verified();
    await expectEqualEpochs();
  });

  it("moves the master five times in a row; the clients lose nothing and see no error", async () => {
    const gaps: number[] = [];
    const load = await cluster.underLoad(async (writer) => {
      for (let round = 0; round < 5; round++) {
        writer.takeGapMs();
        const { from, to, grade } = await failover();
        expect(grade).toBe("fast");
        expect(to).not.toBe(from);
        gaps.push(Math.round(writer.takeGapMs()));
      }
    });
    console.log(`hand-over, longest gaps in ms: ${gaps.join(", ")}`);
    expectNothingLost(load);
    expect(Math.max(...gaps)).toBeLessThan(SANE_GAP_MS);
    await cluster.verified();
    await expectEqualEpochs();
  });

  it("gives the role to the node that was asked for", async () => {
    const [, wanted] = await cluster.replicas();
    expect((await failover("--to", wanted)).to).toBe(wanted);
    expect(await cluster.master()).toBe(wanted);
  });

  it("refuses, and touches nothing, when the node that was asked for is master already or is not in sync", async () => {
    const master = await cluster.master();
    const [replica] = await cluster.replicas();
    const again = await cluster.redisHa("failover", "--to", master);
    expect(again.code).toBe(1);
    expect(again.all).toContain(`the role of ${master} cannot be handed over: ${master} is the master already`);
    cluster.kill(replica, "agent", "redis");
    try {
      const dead = await cluster.redisHa("failover", "--to", replica);
      expect(dead.code).toBe(1);
      expect(dead.all).toContain(`it cannot take over (${replica}: connection refused)`);
      expect(journals()).toEqual([]);
    } finally {
      await cluster.apply(replica);
    }
    expect(await cluster.master()).toBe(master);
  });

  it.each(steps)("killed after the step %s is ended by the agents within seconds", async (step) => {
    const before = ended();
    const load = await cluster.underLoad(async () => {
      await killedAfter(step);
      await untilNoJournal();
    });
    // After the last step nothing is left to be ended but the journal.
    expect(ended()).toBe(before + 1);
    expectNothingLost(load);
    await cluster.verified();
    await expectEqualEpochs();
    // The later steps meet the epochs of a cluster that Sentinel has failed over.
    if (step === "switched") await sentinelFailover();
  });

  it.each<Step>(["paused", "switched", "forgotten"])(
    "killed after the step %s is ended by the next command when no agent lives",
    async (step) => {
      const load = await cluster.underLoad(async () => {
        for (const node of cluster.cluster.names) cluster.kill(node, "agent");
        await killedAfter(step);
        expect(journals()).toHaveLength(1);
        await failover();
      });
      expectNothingLost(load);
      expect(journals()).toEqual([]);
      const { code, all } = await cluster.redisHa("converge");
      expect(code, all).toBe(0);
      await cluster.verified();
      await expectEqualEpochs();
    },
  );

  it("killed before the roles changed, with no agent and no further command, leaves the master where it was", async () => {
    const master = await cluster.master();
    const load = await cluster.underLoad(async (writer) => {
      for (const node of cluster.cluster.names) cluster.kill(node, "agent");
      writer.takeGapMs();
      await killedAfter("equal");
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
      await killedAfter("switched");
      // Sentinel gives a master that says it is a replica down-after and two of its INFO periods of 10 s, then fails over.
      await cluster.cluster.masterOtherThan(former, 60_000);
      console.log(`hand-over killed, Sentinel alone: ${Math.round(writer.takeGapMs())} ms without writes`);
    });
    expectNothingLost(load);
    const { code, all } = await cluster.redisHa("converge");
    expect(code, all).toBe(0);
    await cluster.verified();
    await expectEqualEpochs();
  });

  it("gives up, and lets the writes go on, when the node that takes over dies before it has", async () => {
    const [target] = await cluster.replicas();
    const load = await cluster.underLoad(async (writer) => {
      writer.takeGapMs();
      const { code, all } = await faultAfter("equal", "SIGKILL", cluster.pid(target, "redis"), target);
      expect(code, all).toBe(1);
      await untilNoJournal();
      await cluster.master();
      console.log(`hand-over to a node that dies: ${Math.round(writer.takeGapMs())} ms without writes`);
    });
    expectNothingLost(load);
    await cluster.verified();
    await expectEqualEpochs();
  });

  it("goes on when a Sentinel falls silent half-way", async () => {
    const [, node] = await cluster.replicas();
    const pid = cluster.pid(node, "sentinel");
    try {
      const load = await cluster.underLoad(async (writer) => {
        writer.takeGapMs();
        const { code, all } = await faultAfter("switched", "SIGSTOP", pid);
        expect(code, all).toBe(0);
        expect(writer.takeGapMs()).toBeLessThan(10_000);
        await naming(async (watch) => {
          cluster.signal("SIGCONT", node, "sentinel");
          await watch(6000);
        }, node);
      });
      expectNothingLost(load);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await cluster.verified();
    await expectEqualEpochs();
  });

  it("lets the Sentinels fail over in their own way, fenced, when one of them is silent", async () => {
    const [, node] = await cluster.replicas();
    cluster.signal("SIGSTOP", node, "sentinel");
    try {
      const load = await cluster.underLoad(async (writer) => {
        writer.takeGapMs();
        expect((await failover()).grade).toBe("slow");
        const gap = Math.round(writer.takeGapMs());
        console.log(`hand-over with a silent Sentinel: ${gap} ms without writes`);
        expect(gap).toBeLessThan(3000);
        await naming(async (watch) => {
          cluster.signal("SIGCONT", node, "sentinel");
          await watch(6000);
        }, node);
      });
      expectNothingLost(load);
    } finally {
      cluster.signal("SIGCONT", node, "sentinel");
    }
    await cluster.verified();
    await expectEqualEpochs();
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
          expect((await failover()).grade).toBe("fast");
          await naming(async (watch) => {
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
      await expectEqualEpochs();
    });

    it("would overrule them without the step that raises the epoch; the next command mends that too", async () => {
      let sentinel: ChildProcess | undefined;
      try {
        const load = await cluster.underLoad(async () => {
          await down();
          for (const each of cluster.cluster.names) if (each !== node) cluster.kill(each, "agent");
          await killedAfter("rewritten");
          const to = await cluster.cluster.master();
          sentinel = backByHand();
          await waitFor(
            "the others are overruled",
            async () => (await named()).some((it) => it !== to) || undefined,
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
      await expectEqualEpochs();
    });
  });
});
