import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

const cases = [
  { what: "redis 7.0 on Debian 12", engine: "redis", release: "bookworm", version: /^Redis server v=7\.0\./ },
  { what: "valkey 8.1 on Debian 13", engine: "valkey", release: "trixie", version: /^Valkey server v=8\.1\./ },
] as const;

/** What ssh-target.test.ts shows of redis on Debian 13, in short for the other engine and the other release. */
describeWithHosts.each(cases)("$what", { timeout: 180_000 }, ({ version, engine, release }) => {
  let cluster: HostCluster;
  const unit = "redis-ha-hosts-redis";
  beforeAll(async () => {
    cluster = await HostCluster.up(`test-${engine}-${release}`, { engine }, { release });
    await cluster.apply();
    await cluster.holds();
  }, 300_000);
  afterAll(() => cluster?.down());

  it("runs the engine of the release as the engine's user", async () => {
    const server = `$(systemctl show -p MainPID --value ${unit})`;
    expect(await cluster.onHost("redis-a", `/proc/${server}/exe --version`)).toMatch(version);
    expect(await cluster.onHost("redis-a", `ps -o user= -p ${server}`)).toBe(engine);
  });

  it("changes nothing when it is applied again", async () => {
    for (const node of cluster.names) {
      const { code, all } = await cluster.step("apply", node);
      expect(code, all).toBe(0);
      expect(all).toContain(`${node}: nothing to change`);
    }
  });

  it("promotes a replica when the master is killed, and hands the role over when it is stopped", async () => {
    const killed = await cluster.master();
    await cluster.onHost(killed, `kill -9 $(systemctl show -p MainPID --value ${unit})`);
    await cluster.holds();
    const stopped = await cluster.master();
    expect(stopped).not.toBe(killed);
    const log = await cluster.onHost(killed, `cat /var/lib/redis-ha/hosts/${killed}/log/agent.log`);
    expect(log).toContain("crashed as master; decision: promote");

    await cluster.onHost(stopped, `systemctl restart ${unit}`);
    expect(await cluster.master()).not.toBe(stopped);
    await cluster.holds();
    const journal = await cluster.onHost(stopped, "journalctl --no-pager --output=cat -u 'redis-ha-hosts-*'");
    expect(journal).toContain("master's role handed over to");
    // Words of systemd on settings that it does not know, and of hooks.
    expect(journal).not.toMatch(/warning|denied|not permitted|Unknown key/i);
  });

  it("comes back after all hosts have lost power", async () => {
    await Promise.all(cluster.lab.hosts.map((host) => host.powerLoss()));
    await Promise.all(cluster.lab.hosts.map((host) => host.boot()));
    await cluster.holds();
  });
});
