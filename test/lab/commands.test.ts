import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

const state = (node: string): string => `/var/lib/redis-ha/hosts/${node}`;

/** The operator's commands, from a computer that reaches the hosts by ssh. */
describeWithHosts("commands for nodes on hosts", { timeout: 300_000 }, () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-commands");
    await cluster.apply();
    await cluster.holds();
  }, 180_000);
  afterAll(() => cluster?.down());

  const ssh = (node: string, command: string): Promise<string> => cluster.lab.ssh(node, command);
  async function done(...args: string[]): Promise<string> {
    const { code, all } = await cluster.redisHa(...args);
    expect(code, all).toBe(0);
    return all;
  }

  it("verify looks at the files of the hosts too, and converge mends what it finds", async () => {
    await ssh("redis-b", `echo '# mine' | sudo tee -a ${state("redis-b")}/etc/redis.conf`);
    await ssh("redis-c", "sudo systemctl stop redis-ha-hosts-agent");
    const wrong = await cluster.redisHa("verify");
    expect(wrong.code).toBe(1);
    expect(wrong.all).toMatch(/redis-b.*redis\.conf/);
    expect(wrong.all).toMatch(/agent of redis-c/);
    expect(await done("converge")).toContain("redis-b: redis.conf changed");
    await done("verify", "--wait", "20");
    const again = await done("converge", "--json");
    expect(again).toContain('"changed": false');
  });

  it("root does nothing that the service user, who owns the node's folder, could have written there", async () => {
    const unit = (): Promise<string> => ssh("redis-b", "sha256sum /etc/systemd/system/redis-ha-hosts-redis.service");
    const before = await unit();
    await ssh("redis-b", `sudo sed -i 's/^/ /; s/User=redis/User=root/g' ${state("redis-b")}/node.json`);
    expect(await ssh("redis-b", `sudo cat ${state("redis-b")}/node.json`)).toContain("User=root");
    await done("converge");
    expect(await unit()).toBe(before);
    // An apply brings what the description says.
    expect((await cluster.step("apply", "redis-b")).code).toBe(0);
    expect(await ssh("redis-b", `sudo cat ${state("redis-b")}/node.json`)).not.toContain("User=root");
  });

  it("redis-ha, typed on a host, knows the cluster by what the host's own node knows", async () => {
    const typed = async (command: string, code = 0): Promise<string> => {
      const said = await ssh("redis-b", `${command} 2>&1; echo "code $?"`);
      expect(said).toContain(`code ${code}`);
      return said;
    };
    expect(await typed("sudo redis-ha status")).toContain("redis-c");
    const { master } = JSON.parse(await ssh("redis-b", "sudo redis-ha status --json")) as { master: string };
    const verified = await typed("sudo redis-ha verify --wait 20");
    expect(verified).toMatch(/hosts holds: \d+ checks/);
    // Of the others it has no files, and says nothing of them.
    expect(verified).not.toContain("(client-certificate)");
    expect(verified).toContain("certificates of the other nodes cannot be seen from here");
    await ssh("redis-b", `echo '# mine' | sudo tee -a ${state("redis-b")}/etc/redis.conf`);
    expect(await typed("sudo redis-ha verify", 1)).toMatch(/redis-b.*redis\.conf/);
    await done("converge");
    const to = master === "redis-c" ? "redis-a" : "redis-c";
    expect(await typed(`sudo redis-ha failover --to ${to}`)).toContain(`${to} is master`);
    expect(await typed("sudo redis-ha connect -- acl whoami")).toContain("admin");
    expect(await typed("sudo redis-ha connect -- role")).toMatch(/^master/);
    expect(await typed("sudo redis-ha connect --replica -- role")).toMatch(/^slave/);

    expect(await typed("redis-ha status", 2)).toContain("the node's passwords are for root alone: sudo redis-ha");
    expect(await typed("sudo redis-ha converge", 2)).toContain("Whatever begins with npx is run where the checkout is");
    expect(await typed("sudo redis-ha status --env lab", 2)).toContain("known are: hosts");
    // Nothing that it has done is root's.
    expect(await ssh("redis-b", `sudo find /var/lib/redis-ha -not -user redis`)).toBe("");
    const help = await typed("redis-ha --help");
    for (const name of ["status", "verify", "failover", "connect"]) expect(help).toContain(name);
    expect(help).not.toContain("drill");
  });

  it("a host with another version of the program says so, and converge brings this one", async () => {
    await ssh("redis-a", "echo '//' | sudo tee -a /usr/local/lib/redis-ha/redis-ha.cjs");
    await ssh("redis-b", "echo '//' | sudo tee -a /usr/local/lib/redis-ha/redis-ha.cjs");
    await ssh("redis-c", "echo '//' | sudo tee -a /usr/local/lib/redis-ha/redis-ha.cjs");
    const { code, all } = await cluster.redisHa("status");
    expect(code).toBe(1);
    expect(all).toContain("npx redis-ha converge --env hosts brings it");
    await done("converge");
    // The same answer has until when the certificates are valid.
    expect((await done("status")).match(/ 20\d\d-\d\d-\d\d /g)).toHaveLength(3);
    await cluster.holds();
  });

  it("inventory --ansible --live has a host asked for the roles", async () => {
    const { code, all, stdout } = await cluster.redisHa("inventory", "--ansible", "--live");
    expect({ code, all }).toEqual({ code: 0, all: stdout });
    const groups = JSON.parse(stdout) as Record<string, { hosts: string[] }>;
    const master = await cluster.master();
    expect(groups["hosts_master"]?.hosts).toEqual([`${master}.hosts`]);
    const replicas = cluster.names.filter((name) => name !== master);
    expect(groups["hosts_replicas"]?.hosts).toEqual(replicas.map((name) => `${name}.hosts`));
  });

  it("connect runs redis-cli on the master's host", async () => {
    expect(await done("connect", "--exec", "--", "set", "from", "here there")).toContain("OK");
    expect(await done("connect", "--replica", "--exec", "--", "get", "from")).toContain("here there");
  });

  it("failover hands over to the node of choice, and roll restarts every server", async () => {
    const former = await cluster.master();
    const to = cluster.names.find((name) => name !== former) ?? "";
    expect(await done("failover", "--to", to)).toContain(`${to} is master, ${former} follows it`);
    expect(await cluster.master()).toBe(to);
    expect(await done("failover", "--to", to)).toContain("nothing to do");
    const before = await cluster.pids();
    await done("roll");
    const left = (await cluster.pids()).filter((pid) => before.includes(pid));
    expect(left.map((line) => line.split(" ")[1])).toEqual(cluster.names.map(() => "redis-ha-hosts-agent"));
    await cluster.holds();
  });

  it("repair starts what is stopped, and mends a Sentinel that lost its state and another that has an old view", async () => {
    const master = await cluster.master();
    const [one, two] = cluster.names.filter((name) => name !== master);
    if (!one || !two) throw new Error("no replicas");
    await ssh(one, "sudo systemctl stop redis-ha-hosts-sentinel redis-ha-hosts-redis");
    await ssh(one, `sudo rm ${state(one)}/sentinel/sentinel.conf`);
    await ssh(two, [...cluster.redisCli(two, { sentinel: true }), "sentinel remove", cluster.masterName].join(" "));
    expect(await done("repair")).toContain("hosts: repaired");
    await cluster.holds();
    expect(await cluster.master()).toBe(master);
  });

  it("elect makes a node master when nobody can know whose data is the newest", async () => {
    const { names } = cluster;
    const units = "redis-ha-hosts-agent redis-ha-hosts-sentinel redis-ha-hosts-redis";
    for (const node of names) {
      await ssh(node, `sudo systemctl stop ${units}`);
      await ssh(
        node,
        `sudo rm -f ${state(node)}/sentinel/sentinel.conf ${state(node)}/handover.json; echo | sudo tee ${state(node)}/redis/runtime.conf`,
      );
    }
    // By name: a pattern would leave out what systemd does not have in memory any more.
    for (const node of names) await ssh(node, `sudo systemctl start --no-block ${units}`);
    // All of them wait, however the starts fell: one that guessed might be the one with the oldest data.
    await delay(10_000);
    expect(await done("elect")).toMatch(/Then: npx redis-ha elect NODE --env hosts/);
    expect(await done("elect", "redis-b", "--yes")).toContain("redis-b is master");
    await cluster.holds();
    expect(await cluster.master()).toBe("redis-b");
    expect(await done("connect", "--exec", "--", "get", "from")).toContain("here there");
  });

  it("roll --reboot reboots one host after the other, and writes go on", async () => {
    const boots = (): Promise<string[]> =>
      Promise.all(cluster.names.map((node) => ssh(node, "systemctl show -p UserspaceTimestampMonotonic")));
    const before = await boots();
    const said = await done("roll", "--reboot");
    expect(said).toContain("every host was rebooted, one at a time");
    expect(said).toMatch(/master's role handed over to redis-[abc]/);
    expect((await boots()).filter((boot) => before.includes(boot))).toEqual([]);
    await cluster.holds();
  });

  /** Another host, with nothing of ours, in the place of this one. */
  async function emptied(node: string): Promise<void> {
    const host = cluster.lab.host(node);
    await host.powerLoss();
    for (const gone of ["var/lib/redis-ha", "usr/local/lib/redis-ha", "etc/redis-ha"]) {
      fs.rmSync(path.join(host.root, gone), { recursive: true, force: true });
    }
    for (const unit of ["agent", "redis", "sentinel"]) {
      const name = `redis-ha-hosts-${unit}.service`;
      fs.rmSync(path.join(host.root, "etc/systemd/system", name), { force: true });
      fs.rmSync(path.join(host.root, "etc/systemd/system/multi-user.target.wants", name), { force: true });
    }
    await host.boot();
  }

  it("an empty host in the place of one that is lost gets its data by replication", async () => {
    const lost = await cluster.master();
    await emptied(lost);
    expect((await cluster.redisHa("verify")).code).toBe(1);
    await done("converge", "--after-apply");
    await cluster.holds();
    expect(await cluster.master()).not.toBe(lost);
    expect(await ssh(lost, [...cluster.redisCli(lost), "get from"].join(" "))).toContain("here there");
  });

  it("a dead host does not block its retire once the Sentinels see it down", async () => {
    const master = await cluster.master();
    await cluster.lab.host(master).powerLoss();
    const { code, all } = await cluster.step("retire", master);
    expect(code, all).toBe(0);
    expect(all).toMatch(/2 of 3 Sentinels see it as down, and redis-[abc] is master/);
    await cluster.lab.host(master).boot();
    expect((await cluster.step("apply", master)).code).toBe(0);
    await cluster.holds();
  });

  it("all hosts are lost, and empty ones stand in their place: converge --after-apply begins anew", async () => {
    for (const node of cluster.names) await emptied(node);
    const { code, all } = await cluster.redisHa("verify");
    expect(code, all).toBe(1);
    expect(all).toContain("npx redis-ha converge --env hosts --after-apply");
    await done("converge", "--after-apply");
    await cluster.holds();
  });

  it("all of them can be retired, one after the other", async () => {
    for (const node of ["redis-c", "redis-b", "redis-a"]) {
      const { code, all } = await cluster.step("retire", node);
      expect(code, all).toBe(0);
    }
  });
});
