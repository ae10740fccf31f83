import { afterAll, beforeAll, expect, it } from "vitest";
import type { DrillResult } from "../../drill/result.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

/** The user's own proof, on hosts: faults over ssh, clients where the servers can be reached. */
describeWithHosts("redis-ha drill on hosts", { timeout: 180_000 }, () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-drill");
    await cluster.apply();
    await cluster.holds();
  }, 180_000);
  afterAll(() => cluster?.down());

  it.each(["hand-over", "crash", "config-change", "hang", "crash-without-agent", "power-cycle"])(
    "%s loses nothing that is promised, and the cluster is whole again",
    async (fault) => {
      await cluster.holds();
      const { code, all, stdout } = await cluster.redisHa("drill", fault, "--wait1", "--yes", "--json");
      expect(stdout, all).not.toBe("");
      const result = JSON.parse(stdout) as DrillResult;
      const gaps = result.writers.map(({ client, longestGapMs }) => `${client} ${longestGapMs} ms`);
      console.log(`${fault}: ${gaps.join(", ")}`);
      expect(result.problems, all).toEqual([]);
      expect(code).toBe(0);
      if (fault === "crash-without-agent" || fault === "hang") expect(result.masterAfter).not.toBe(result.masterBefore);
    },
  );

  it("what would cut a host off is refused", async () => {
    const { code, all } = await cluster.redisHa("drill", "partition", "--yes");
    expect(code).toBe(1);
    expect(all).toContain("partition: not on hosts");
  });

  it("from a computer that reaches no server, it says where to run it", async () => {
    const command = ["-n", "node_modules/.bin/redis-ha", "drill", "crash", "--env", "hosts", "--yes"];
    const { code, all } = await cluster.checkout.run("unshare", command);
    expect(code).toBe(1);
    expect(all).toContain("this computer reaches no server of hosts");
  });
});
