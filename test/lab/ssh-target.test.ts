import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lab } from "../../tools/lab/lab.ts";
import { findTerraform } from "../../tools/setup/binaries.mjs";
import type { Checkout } from "../support/checkout.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";
import { haveProviders, providerEnvironment } from "../support/terraform-providers.ts";

const zones = ["a", "b", "c"];

/** The target `ssh` on three real hosts: what provisioners do, what systemd does, and what clients notice. */
(haveProviders ? describeWithHosts : describe.skip)("nodes on hosts of their own", { timeout: 180_000 }, () => {
  let cluster: HostCluster;
  let lab: Lab;
  let checkout: Checkout;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-ssh");
    ({ lab, checkout } = cluster);
  }, 180_000);
  afterAll(() => cluster?.down());

  const step: HostCluster["step"] = (...args) => cluster.step(...args);
  const holds = (): Promise<void> => cluster.holds();
  const master = (): Promise<string> => cluster.master();
  const pids = (): Promise<string[]> => cluster.pids();

  /**
   * Terraform in the folder of a zone's stack. `init` may have to download the provider, so it runs on this computer; all
   * else runs where the hosts can be reached.
   */
  async function terraform(zone: string, ...args: string[]): Promise<string> {
    const command = [(await findTerraform()).path, ...args, "-no-color"];
    const options = {
      cwd: path.join(checkout.root, "cdktf.out", "stacks", `hosts-zone-${zone}`),
      env: { TF_IN_AUTOMATION: "1", TF_INPUT: "0", XDG_DATA_HOME: cluster.dataHome, ...providerEnvironment },
      reject: false,
      all: true,
    };
    const { exitCode, all } = await (args[0] === "init"
      ? execa(command[0]!, command.slice(1), options)
      : lab.exec(command, options));
    expect(exitCode, String(all)).toBe(0);
    return String(all);
  }

  it("gives an unknown host, a host with another key, and a host that takes no key of ours nothing", async () => {
    const known = path.join(checkout.root, "known_hosts");
    fs.writeFileSync(known, "");
    const unknown = await step("install", "redis-a", { knownHostsFile: known });
    expect(unknown.code).toBe(1);
    expect(unknown.all).toContain("has no key for it, and an unknown host gets nothing. Nothing was sent");
    const other = fs.readFileSync(path.join(lab.record.folder, "known_hosts"), "utf8");
    const key =
      other
        .split("\n")
        .find((line) => line.includes(lab.host("redis-b").address))
        ?.split(" ") ?? [];
    fs.writeFileSync(known, `${lab.host("redis-a").address} ${key.slice(1).join(" ")}\n`);
    const changed = await step("install", "redis-a", { knownHostsFile: known });
    expect(changed.code).toBe(1);
    expect(changed.all).toContain("the host's key is another one than");
    const denied = await step("install", "redis-a", { user: "nobody" });
    expect(denied.code).toBe(1);
    expect(denied.all).toContain("the host does not take the key");
    expect(await lab.ssh("redis-a", "ls /usr/local/lib; ls /etc/systemd/system | grep redis-ha || true")).not.toContain(
      "redis-ha",
    );
  });

  it("says so within its time when a host is not there", async () => {
    await lab.host("redis-c").cut("both");
    const { code, all } = await step("install", "redis-c");
    await lab.host("redis-c").uncut();
    expect(code).toBe(1);
    expect(all).toMatch(/cannot be reached: .*timed out.*Nothing was sent/);
  });

  it("brings bare hosts to a cluster that holds, by Terraform; again, it changes nothing and restarts nothing", async () => {
    for (const zone of zones) {
      await terraform(zone, "init");
      expect(await terraform(zone, "apply", "-auto-approve")).toContain("Resources: 2 added");
    }
    await holds();
    const before = await pids();
    for (const zone of zones) {
      expect(await terraform(zone, "plan")).toContain("No changes.");
      const again = ["-auto-approve", `-replace=null_resource.configuration["redis-${zone}"]`];
      expect(await terraform(zone, "apply", ...again)).toContain(`redis-${zone}: nothing to change`);
    }
    expect(await pids()).toEqual(before);
  });

  it("an open connection is none of whoever does not know the host", async () => {
    const known = path.join(checkout.root, "known_hosts");
    fs.writeFileSync(known, "");
    expect((await step("install", "redis-a")).code).toBe(0);
    const unknown = await step("install", "redis-a", { knownHostsFile: known });
    expect(unknown.code).toBe(1);
    expect(unknown.all).toContain("has no key for it");
  });

  it("kill -9 of the master: its agent makes a replica master, and systemd starts the node as a replica", async () => {
    const former = await master();
    await lab.ssh(former, "sudo kill -9 $(systemctl show -p MainPID --value redis-ha-hosts-redis)");
    await holds();
    expect(await master()).not.toBe(former);
    const log = await lab.ssh(former, `sudo cat /var/lib/redis-ha/hosts/${former}/log/agent.log`);
    expect(log).toContain("crashed as master; decision: promote");
  });

  it("systemctl restart and a poweroff of the master's host hand the role over first", async () => {
    for (const stop of ["restart", "poweroff"] as const) {
      const former = await master();
      if (stop === "restart") await lab.ssh(former, "sudo systemctl restart redis-ha-hosts-redis");
      else await lab.host(former).poweroff();
      expect(await master()).not.toBe(former);
      if (stop === "poweroff") await lab.host(former).boot();
      await holds();
      const journal = await lab.ssh(former, "sudo journalctl --no-pager -u redis-ha-hosts-redis");
      expect(journal).toContain("master's role handed over to");
      const present = await master();
      const { code, all } = await step("apply", former);
      expect(code, all).toBe(0);
      expect(await master()).toBe(present);
    }
  });

  it("a power loss of the master's host: Sentinel replaces it, and it comes back as a replica", async () => {
    const former = await master();
    await lab.host(former).powerLoss();
    await expect.poll(master, { timeout: 20_000 }).not.toBe(former);
    await lab.host(former).boot();
    await holds();
  });

  it("a retired node is stopped for good, its data stays, and an apply brings it back", async () => {
    const former = await master();
    // It was applied by a way that leads nowhere any more.
    const { code, all } = await step("retire", former, { port: 2222 });
    expect(code, all).toBe(0);
    expect(all).toMatch(/connection refused.*\n.*trying the way that is described now/);
    expect(all).toContain("master's role handed over to");
    expect(await master()).not.toBe(former);
    const state = await lab.ssh(
      former,
      "systemctl is-active 'redis-ha-hosts-*' || true; systemctl is-enabled redis-ha-hosts-redis || true",
    );
    expect(state).not.toMatch(/^active/m);
    expect(state).toContain("disabled");
    expect((await step("apply", former)).code).toBe(0);
    await holds();
  });
});
