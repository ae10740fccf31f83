import { afterAll, beforeAll, expect, it } from "vitest";
import { dev } from "../../../environments/dev.ts";
import { standIn } from "../../standin/machine.ts";
import { AwsCluster } from "../../support/cloud/aws-cluster.ts";
import { AwsLife } from "../../support/cloud/aws-life.ts";
import { accidents, volumeOf } from "../../support/cloud/accidents.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";
import type { Ran } from "../../support/checkout.ts";
import { registryAnswers } from "../../support/terraform-providers.ts";

/** Each step goes on from the one before, so none can be tried again. */
const ONCE = { timeout: 600_000, retry: 0 };
const STACKS = 5;

/** One master, one replica and a witness; made and destroyed by cdktf, changed by Terragrunt, as both see the same state. */
(standIn ? describeWithHosts : describeWithHosts.skip).sequential("dev, by cdktf and Terragrunt", ONCE, () => {
  let cluster: AwsCluster;
  let life: AwsLife;
  const names = ["redis-a", "redis-b"];
  const runCdktf = (action: "deploy" | "destroy"): Promise<Ran> => {
    const args = ["cdktf", action, "dev-*", "--auto-approve", ...(registryAnswers ? [] : ["--skip-provider-lock"])];
    return cluster.run("npx", args);
  };
  const cdktf = (action: "deploy" | "destroy"): Promise<string> => cluster.said(runCdktf(action));
  /** redis-cli on the master's machine. */
  const redis = (...command: string[]): Promise<string> =>
    cluster.said(cluster.run("npx", ["redis-ha", "connect", "--exec", "--env", "dev", "--", ...command]));

  beforeAll(async () => {
    cluster = await AwsCluster.up("test-aws-dev", dev, standIn ?? {});
    life = new AwsLife(cluster, "dev", () => cluster.applyAll());
  }, 300_000);
  afterAll(async () => {
    await (life ? life.end() : cluster?.down());
  });

  it("is made from nothing", async () => {
    const said = await life.step("created, by cdktf", () => cdktf("deploy"));
    expect(said.match(/Resources: \d+ added, 0 changed, 0 destroyed/g)).toHaveLength(STACKS);
    await cluster.holds();
    await life.begin();
  });

  it("is as described when it is applied again, whoever applies", async () => {
    const again = /Resources: 0 added, 0 changed, 0 destroyed/g;
    expect((await life.step("applied again, by cdktf", () => cdktf("deploy"))).match(again)).toHaveLength(STACKS);
    expect((await life.step("applied again, by Terragrunt")).match(again)).toHaveLength(STACKS);
  });

  it("takes a setting for which servers are restarted", async () => {
    cluster.describe({ settings: { ...cluster.described.settings, redisConf: { databases: 32 } } });
    expect((await life.underLoad("a setting that restarts")).restarted).toEqual(names);
  });

  it("moves to another image, with its data", async () => {
    cluster.inTarget({ imageId: "ami-0fedcba9876543210" });
    expect((await life.underLoad("another image")).restarted).toEqual([...names, "witness-c"]);
  });

  it("gets the master's machine back that is lost for good, with its volume", async () => {
    const master = await life.chaos.master();
    const volume = volumeOf(cluster, master);
    await accidents.loseMachine(cluster, master);
    await life.chaos.masterOtherThan(master);
    await life.step("the master's machine, lost for good");
    expect(volumeOf(cluster, master)).toBe(volume);
    await cluster.holds();
    expect(await life.chaos.master()).not.toBe(master);
  });

  it("goes on with the data that a destroy has left which failed half-way", async () => {
    for (const zone of ["a", "b", "c"]) cluster.inZone(zone, { releaseDataVolume: true });
    await cluster.applyAll();
    expect(await redis("set", "kept", "yes")).toContain("OK");
    // The last volume of all, as if somebody had attached it elsewhere.
    const detach = accidents.attachElsewhere(cluster, "redis-a");
    const { code, all } = await runCdktf("destroy");
    expect(code).not.toBe(0);
    expect(all).toContain("VolumeInUse");
    expect(all).toContain("redis-b: its volume is gone; redis-a may have data still");
    detach();
    await life.step("applied again, after a destroy that failed", () => cdktf("deploy"));
    await cluster.holds();
    expect(await redis("get", "kept")).toContain("yes");
  });

  it("is destroyed once its volumes are released, and made again, empty", async () => {
    await life.step("destroyed, by cdktf", () => cdktf("destroy"));
    await life.step("created again, by Terragrunt");
    await cluster.holds();
    expect(await redis("dbsize")).toMatch(/^0$/m);
    expect(await cdktf("destroy")).toMatch(/Resources: [1-9]\d* destroyed/);
  });
});
