import { afterAll, beforeAll, expect, it } from "vitest";
import { Chaos, expectNothingLost } from "../support/chaos.ts";
import type { Ran } from "../support/checkout.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";
import { type TimedId, timingLine } from "../support/timing-line.ts";
import { haveProviders, providerEnvironment, registryAnswers } from "../support/terraform-providers.ts";

/** A pause of the writer's own process, or of this computer, is no gap that a restart would make. */
const NO_GAP_MS = 1000;

/** Each test goes on from the one before, so a second try of one would begin elsewhere. */
const NEVER_TWICE = { timeout: 240_000, retry: 0 };

/** The road of docs/hosts.md: an operator's computer that is in none of the hosts' networks, and cdktf. */
(haveProviders ? describeWithHosts : describeWithHosts.skip)("cdktf deploy on hosts", NEVER_TWICE, () => {
  let cluster: HostCluster;
  let chaos: Chaos;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-deploy");
    cluster.useWayIn();
  }, 240_000);
  afterAll(async () => {
    await (chaos ?? cluster)?.down();
  });

  async function timed<T>(id: TimedId, use: () => Promise<T>): Promise<T> {
    const before = performance.now();
    const result = await use();
    console.log(timingLine(id, performance.now() - before));
    return result;
  }
  async function output(running: Promise<Ran>): Promise<string> {
    const { code, all } = await running;
    expect(code, all).toBe(0);
    return all;
  }
  const deploy = (): Promise<string> => {
    const args = ["cdktf", "deploy", "hosts-*", "--auto-approve", ...(registryAnswers ? [] : ["--skip-provider-lock"])];
    return output(cluster.checkout.run("npx", args, { env: { ...providerEnvironment } }));
  };
  const redisHa = (...args: string[]): Promise<string> => output(cluster.checkout.redisHa(...args, "--env", "hosts"));

  it("brings three hosts to a cluster that holds", async () => {
    await timed("deploy-new", async () => {
      expect((await deploy()).match(/Resources: 2 added/g)).toHaveLength(3);
      await redisHa("verify", "--wait", "60");
    });
    chaos = Chaos.on(cluster);
  });

  it("again, it changes nothing and restarts nothing", async () => {
    const before = await cluster.pids();
    const again = await timed("deploy-again", deploy);
    expect(again.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(3);
    expect(await timed("converge", () => redisHa("converge"))).toContain("nothing to change");
    await timed("status", () => redisHa("status"));
    expect(await cluster.pids()).toEqual(before);
  });

  it("changes a live setting without a restart and without a gap", async () => {
    const before = await cluster.pids();
    const { settings } = cluster.described;
    cluster.describe({ settings: { ...settings, redisConf: { "slowlog-max-len": "1024" } } });
    const outcome = await chaos.under("a live setting is changed", () => timed("deploy-live-setting", deploy));
    expectNothingLost(outcome);
    expect(outcome.plain.longestGapMs).toBeLessThan(NO_GAP_MS);
    expect(outcome.after).toBe(outcome.before);
    expect(await cluster.pids()).toEqual(before);
    for (const node of cluster.names) {
      const say = [...cluster.redisCli(node), "config get slowlog-max-len"].join(" ");
      expect(await cluster.onHost(node, say)).toContain("1024");
    }
  });

  it("after a failover it undoes nothing and restarts nothing", async () => {
    const former = await chaos.master();
    await chaos.host(former).cut("both");
    const next = await chaos.masterOtherThan(former);
    await chaos.host(former).uncut();
    await cluster.holds();
    const before = await cluster.pids();
    await timed("deploy-after-failover", deploy);
    expect(await chaos.master()).toBe(next);
    expect(await cluster.pids()).toEqual(before);
  });
});
