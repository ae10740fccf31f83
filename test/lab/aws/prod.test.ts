import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { prod } from "../../../environments/prod.ts";
import { standIn } from "../../standin/machine.ts";
import { AwsCluster } from "../../support/cloud/aws-cluster.ts";
import { AwsLife } from "../../support/cloud/aws-life.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";
import { accidents, volumeOf } from "../../support/cloud/accidents.ts";

const OTHER_IMAGE = "ami-0fedcba9876543210";
/** A zone that comes later. */
const FURTHER = { availabilityZone: "eu-central-1a", subnetCidr: "10.30.4.0/24", nodes: [{ name: "redis-d" }] };
/** What redis-server logs when it gets what it missed, and not all data anew. */
const PARTIAL = "Successful partial resynchronization";
const PLAN = ["run-all", "plan", "--non-interactive"];
const DESTROY = ["run-all", "destroy", "--non-interactive", "-auto-approve"];

/** From an empty account to an empty account. Each step goes on from the one before, so none can be tried again. */
const ONCE = { timeout: 600_000, retry: 0 };

(standIn ? describeWithHosts : describeWithHosts.skip).sequential("prod, by Terragrunt", ONCE, () => {
  let cluster: AwsCluster;
  let life: AwsLife;
  const names = ["redis-a", "redis-b", "redis-c"];
  const terragrunt = (args: readonly string[], unit?: string): Promise<string> =>
    cluster.said(cluster.terragrunt(args, unit));

  beforeAll(async () => {
    cluster = await AwsCluster.up("test-aws", prod, standIn ?? {}, { d: FURTHER });
    life = new AwsLife(cluster, "prod, Terragrunt", () => cluster.applyAll());
  }, 300_000);
  afterAll(async () => {
    await (life ? life.end() : cluster?.down());
  });

  it("is planned before anything is there", async () => {
    const plan = await life.step("plan, with nothing there", () => terragrunt(PLAN));
    expect(plan.match(/Plan: \d+ to add, 0 to change, 0 to destroy/g)).toHaveLength(5);
  });

  it("is made from nothing", async () => {
    const said = await life.step("created");
    expect(said.match(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/g)).toHaveLength(5);
    await cluster.holds();
    await life.begin();
  });

  it("has its nodes on volumes of their own", async () => {
    for (const name of names)
      expect(
        await cluster.lab.host(name).run(["findmnt", "--noheadings", "--output", "FSTYPE", "/var/lib/redis-ha"]),
      ).toBe("ext4");
  });

  it("is as described when it is applied again", async () => {
    const said = await life.step("applied again");
    expect(said.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(5);
    expect(said.match(/zone [abc]: nothing to change/g)).toHaveLength(3);
  });

  it("takes a live setting while it runs", async () => {
    cluster.describe({ settings: { ...cluster.described.settings, redisConf: { "slowlog-max-len": "1024" } } });
    expect((await life.underLoad("a live setting")).restarted).toEqual([]);
  });

  it("takes a setting for which servers are restarted", async () => {
    const redisConf = { "slowlog-max-len": "1024", databases: 32 };
    cluster.describe({ settings: { ...cluster.described.settings, redisConf } });
    expect((await life.underLoad("a setting that restarts")).restarted).toEqual(names);
  });

  it("moves to another instance type", async () => {
    cluster.inTarget({ instanceType: "r7g.xlarge" });
    expect((await life.underLoad("another instance type")).restarted).toEqual(names);
  });

  it("moves to another image, with its data", async () => {
    cluster.inTarget({ imageId: OTHER_IMAGE });
    expect((await life.underLoad("another image")).restarted).toEqual(names);
    for (const replica of await life.chaos.replicas()) expect(await life.lastSync(replica)).toContain(PARTIAL);
  });

  it("stays as it is after a failover", async () => {
    const former = await life.chaos.master();
    await cluster.said(cluster.redisHa("failover"));
    const master = await life.chaos.master();
    expect(master).not.toBe(former);
    const said = await life.step("applied after a failover");
    expect(said.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(5);
    expect(await life.chaos.master()).toBe(master);
  });

  it("gets a machine back that is lost for good, with its volume", async () => {
    const [replica] = await life.chaos.replicas();
    const volume = volumeOf(cluster, replica);
    const { said } = await life.underLoad("a machine lost for good", async () => {
      await accidents.loseMachine(cluster, replica);
      return cluster.applyAll();
    });
    expect(said).toContain("Apply complete! Resources: 4 added, 0 changed, 2 destroyed");
    expect(volumeOf(cluster, replica)).toBe(volume);
    await cluster.holds();
    expect(await life.lastSync(replica)).toContain(PARTIAL);
  });

  it("gets another zone in the place of one that is emptied and removed", async () => {
    cluster.inZone("c", { releaseDataVolume: true });
    await cluster.applyAll();
    const { zones } = cluster.described;
    const empty = { ...zones["c"], nodes: [] };
    cluster.describe({ zones: { ...zones, c: empty, ...cluster.later } });
    await life.underLoad("a zone in the place of another");
    expect(await cluster.lab.host("redis-c").state()).toBe("off");
    const left = { ...zones, ...cluster.later };
    delete left["c"];
    cluster.describe({ zones: left });
    // The unit of the next zone names it, and the synth writes what is missing.
    for (const unit of ["zone-c", "zone-d"])
      fs.rmSync(path.join(cluster.checkout.root, "terragrunt/prod", unit), { recursive: true });
    await cluster.said(cluster.checkout.synth());
    await life.step("the empty zone removed");
    await cluster.holds();
    expect(await life.step("applied again")).not.toMatch(/Resources: [1-9]|[1-9]\d* (changed|destroyed)/);
  });

  it("is not destroyed as long as its volumes are not released", async () => {
    const { code, all } = await cluster.terragrunt(DESTROY);
    expect(code, all).not.toBe(0);
    expect(all).toContain("lifecycle.prevent_destroy");
    await cluster.holds();
  });

  it("is destroyed, and a second time", async () => {
    for (const zone of ["a", "b", "d"]) cluster.inZone(zone, { releaseDataVolume: true });
    await cluster.applyAll();
    await life.step("destroyed", () => terragrunt(DESTROY));
    expect(await terragrunt(DESTROY)).toContain("Resources: 0 destroyed");
  });
});
