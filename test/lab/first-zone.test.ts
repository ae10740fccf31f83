import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newGroupName } from "../../secrets/group-marks.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

/** Machines that are made one zone after the other: of three nodes, only the first one's host is there. The steps build on each other. */
describeWithHosts.sequential("the first zone of an environment, before the others are there", () => {
  let cluster: HostCluster;
  const step = (verb: string) => cluster.step(verb, "redis-a");
  const role = async (): Promise<string> =>
    (await cluster.lab.ssh("redis-a", [...cluster.redisCli("redis-a"), "role"].join(" "))).split("\n")[0] ?? "";
  const mark = (): boolean => fs.existsSync(path.join(cluster.store, newGroupName));

  beforeAll(async () => {
    cluster = await HostCluster.up("first-zone", {}, { hosts: 1 });
  }, 240_000);
  afterAll(() => cluster?.down());

  it("begins with a master, as no master has ever begun", async () => {
    for (const verb of ["install", "apply"]) {
      const { code, all } = await step(verb);
      expect(code, all).toBe(0);
    }
    expect(await role()).toBe("master");
    expect(mark()).toBe(false);
  });

  it("is not changed by an apply again, also when the one before was killed before it had noted that a master has begun", async () => {
    fs.writeFileSync(path.join(cluster.store, newGroupName), "no master has begun", { mode: 0o600 });
    const { code, all } = await step("apply");
    expect(code, all).toBe(0);
    expect(mark()).toBe(false);
  });

  it("begins with no master once one has begun: those that are silent may have the data", async () => {
    await cluster.lab.ssh(
      "redis-a",
      "sudo systemctl stop redis-ha-hosts-redis redis-ha-hosts-sentinel redis-ha-hosts-agent",
    );
    await cluster.lab.ssh("redis-a", "sudo rm -rf /var/lib/redis-ha/hosts /etc/redis-ha");
    const { code, all } = await step("apply");
    expect(all).toMatch(/redis-b may have data: .*cannot be reached/);
    expect(code, all).toBe(1);
  });
});
