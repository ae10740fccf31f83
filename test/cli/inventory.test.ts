import { spawnSync } from "node:child_process";
import fs from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironments } from "../../environments/parse.ts";
import { prod } from "../../environments/prod.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { awsInput } from "../environments/inputs.ts";
import { ClusterFixture, waitUntil } from "../support/cluster-fixture.ts";
import { inventorySchema } from "./documents.ts";
import { hostsInput, pairOn } from "./inventory-inputs.ts";
import { redisHa } from "./run-cli.ts";

const pairInput = pairOn(17211);

interface Printed {
  readonly hostvars: Record<string, Record<string, unknown>>;
  readonly groups: Record<string, { readonly hosts: string[]; readonly children: string[] }>;
}

function printed(stdout: string): Printed {
  const { _meta, ...groups } = JSON.parse(stdout) as { _meta: Pick<Printed, "hostvars"> } & Printed["groups"];
  return { hostvars: _meta.hostvars, groups };
}
const groupsOf = (stdout: string): Printed["groups"] => printed(stdout).groups;

describe("redis-ha inventory, of environments that do not run", () => {
  let root: string;
  beforeEach(async () => {
    root = path.join(await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "rha-"))), "a checkout");
    await synthesized(hostsInput, pairInput);
  });
  afterEach(() => fs.rm(path.dirname(root), { recursive: true, force: true }));

  async function synthesized(...inputs: EnvironmentInput[]): Promise<void> {
    await fs.mkdir(path.join(root, "cdktf.out"), { recursive: true });
    await fs.writeFile(path.join(root, "cdktf.json"), "{}");
    const inventory = JSON.stringify(inventoryOf(parseEnvironments(inputs)));
    await fs.writeFile(path.join(root, "cdktf.out", "environments.json"), inventory);
  }
  const run = (...args: string[]): ReturnType<typeof redisHa> => redisHa(root, ["inventory", ...args]);

  it("shows people where each node is and what runs there", async () => {
    const hosts = await run("--env", "hosts-1");
    expect(hosts).toMatchObject({ code: 0, stderr: "" });
    expect(hosts.stdout).toContain(
      "hosts-1 (redis-ha-hosts-1), on hosts reached by ssh as admin, port 2222, through jump@127.0.0.1:17219:\n",
    );
    expect(hosts.stdout).toMatch(/redis-a +│ rack-a │ 127.0.1.10 │ 6379 +│ 26379 +│ redis and Sentinel +│/);
    expect(hosts.stdout).toMatch(/redis-b +│ rack-b │ .* redis and Sentinel; never master │/);
    const pair = await run("--env", "pair");
    expect(pair.stdout).toContain("pair (redis-ha-pair), on this computer:\n");
    expect(pair.stdout).toMatch(/witness-c │ c +│ 127.0.0.1 │ - +│ 17215 +│ Sentinel alone: a witness +│/);
  });

  it("--json keeps its contract", async () => {
    const ran = await run("--env", "pair", "--json");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const { nodes, ...environment } = inventorySchema.parse(JSON.parse(ran.stdout));
    expect(environment).toEqual({
      version: 1,
      environment: "pair",
      target: "local",
      engine: "redis",
      masterName: "redis-ha-pair",
      quorum: 2,
    });
    const place = { address: "127.0.0.1", promotable: false };
    expect(nodes[0]).toMatchObject({ name: "redis-a", zone: "a", kind: "data", port: 17211, sentinelPort: 17213 });
    expect(nodes[2]).toEqual({
      ...place,
      name: "witness-c",
      zone: "c",
      kind: "witness",
      port: null,
      sentinelPort: 17215,
    });
  });

  it("--ansible prints all environments, or one, without asking a server", async () => {
    const all = await run("--ansible");
    expect(all).toMatchObject({ code: 0, stderr: "" });
    const { hostvars, groups } = printed(all.stdout);
    expect(Object.keys(hostvars)).toEqual([
      ...["redis-a.hosts-1", "redis-b.hosts-1", "redis-c.hosts-1"],
      ...["redis-a.pair", "redis-b.pair", "witness-c.pair"],
    ]);
    expect(Object.keys(groups)).toEqual([
      ...["redis", "sentinel", "witness"],
      ...["hosts_1", "hosts_1_zone_rack_a", "hosts_1_zone_rack_b", "hosts_1_zone_rack_c"],
      ...["pair", "pair_zone_a", "pair_zone_b", "pair_zone_c"],
    ]);
    for (const name of Object.keys(groups)) expect(name).toMatch(/^[a-z]\w*$/);
    expect(groups["redis"]?.hosts).toHaveLength(5);
    const one = groupsOf((await run("--ansible", "--env", "pair", "--list")).stdout);
    expect(one["redis"]?.hosts).toEqual(["redis-a.pair", "redis-b.pair"]);
    expect(one).not.toHaveProperty("hosts_1");
  });

  it("--ansible leaves out environments that have the examples' account still", async () => {
    await synthesized(hostsInput, prod);
    const { code, stdout, stderr } = await run("--ansible");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(Object.keys(printed(stdout).hostvars)).toEqual(["redis-a.hosts-1", "redis-b.hosts-1", "redis-c.hosts-1"]);
    const mine = awsInput();
    Object.assign(mine.target, { accountId: "210987654321", imageId: "ami-0fedcba9876543210" });
    expect(inventoryOf(parseEnvironments([mine])).environments["prod"]).not.toHaveProperty("example", true);
  });

  it("--host prints the variables of one host, with which ssh reaches it and trusts nobody else", async () => {
    const ran = await run("--ansible", "--host", "redis-b.hosts-1");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const { ansible_ssh_common_args: args, ...others } = JSON.parse(ran.stdout) as Record<string, unknown>;
    expect(others).toEqual({
      ansible_host: "127.0.2.10",
      ansible_port: 2222,
      ansible_user: "admin",
      ansible_ssh_private_key_file: path.join(root, "keys/id"),
      ansible_ssh_host_key_checking: true,
      redis_ha_environment: "hosts-1",
      redis_ha_node: "redis-b",
      redis_ha_zone: "rack-b",
      redis_ha_master_name: "redis-ha-hosts-1",
      redis_ha_redis_port: 6379,
      redis_ha_sentinel_port: 26379,
    });
    // What ssh itself makes of these arguments, which a shell takes apart as Ansible does.
    const read = spawnSync("sh", ["-c", `ssh -F none -G ${String(args)} host`], { encoding: "utf8" }).stdout.split(
      "\n",
    );
    for (const line of [
      "stricthostkeychecking true",
      `userknownhostsfile ${path.join(root, "keys/known  hosts")}`,
      "globalknownhostsfile none",
      "updatehostkeys false",
      "identitiesonly yes",
      "proxyjump jump@[127.0.0.1]:17219",
    ]) {
      expect(read).toContain(line);
    }
  });

  it("--live says whose role is not known, and that is no failure", async () => {
    const ran = await run("--ansible", "--live", "--env", "pair");
    expect(ran.code).toBe(0);
    expect(ran.stderr).toBe(
      "redis-ha: pair: Nothing runs: no server and no Sentinel answers (connection refused). " +
        "Neither in pair_master nor pair_replicas: redis-a, redis-b",
    );
    expect(groupsOf(ran.stdout)).toMatchObject({ pair_master: { hosts: [] }, pair_replicas: { hosts: [] } });
  });

  it("--live waits about a second for servers that take connections and say nothing", async () => {
    const open = new Set<net.Socket>();
    const silent = [17211, 17212, 17213, 17214, 17215].map((port) =>
      net.createServer((socket) => open.add(socket)).listen(port, "127.0.0.1"),
    );
    try {
      await run("--env", "pair"); // builds the program where a source has changed
      const begin = performance.now();
      await run("--ansible", "--env", "pair");
      const withoutAsking = performance.now() - begin;
      const ran = await run("--ansible", "--live", "--env", "pair");
      // The time of the program's own start depends on what else the computer does.
      expect(performance.now() - begin - 2 * withoutAsking).toBeLessThan(1500);
      expect(ran.code).toBe(0);
      expect(ran.stderr).toContain("no server and no Sentinel answers (no answer in time)");
      expect(open.size).toBe(5);
    } finally {
      for (const socket of open) socket.destroy();
      for (const server of silent) server.close();
    }
  });

  it("refuses wrong use, on stderr, with code 2", async () => {
    for (const [args, message] of [
      [["--live"], "--live is for --ansible; add that"],
      [["--host", "redis-a.pair"], "--host is for --ansible; add that"],
      [["--ansible", "--json"], "--ansible and --json exclude each other"],
      [["--ansible", "--host", "redis-a"], 'no host is named "redis-a"; known are: redis-a.hosts-1, '],
      [["--ansible", "--host", "constructor"], 'no host is named "constructor"'],
      [["--ansible", "--env", "prod"], 'no environment is named "prod"; known are: hosts-1, pair'],
      [[], "Add --env NAME; known are: hosts-1, pair"],
    ] as const) {
      const ran = await run(...args);
      expect(ran, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(ran.stderr).toContain(message);
    }
  });

  it.each([
    ["redis", "the Ansible group redis would stand for the nodes with data and for the environment redis"],
    ["all", "the Ansible group all would stand for every host and for the environment all"],
    [
      "pair-zone-a",
      "the Ansible group pair_zone_a would stand for the zone a of pair and for the environment pair-zone-a",
    ],
  ])("refuses groups that would mix two things: an environment named %s", async (name, message) => {
    await synthesized(pairInput, { ...hostsInput, name });
    const ran = await run("--ansible");
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(await run("--ansible", "--env", "pair")).toMatchObject({ code: 0 });
  });
});

describe("redis-ha inventory --ansible --live, of a cluster that runs", { timeout: 60_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17200 });
  }, 40_000);
  afterAll(() => cluster?.end());
  const live = (): ReturnType<typeof redisHa> => redisHa(cluster.root, ["inventory", "--ansible", "--live"]);

  it("has the present master and replicas, also after a failover", async () => {
    const before = await live();
    expect(before).toMatchObject({ code: 0, stderr: "" });
    expect(groupsOf(before.stdout)).toMatchObject({
      local_master: { hosts: ["redis-a.local"] },
      local_replicas: { hosts: ["redis-b.local", "redis-c.local"] },
    });
    await cluster.sentinel("redis-b", (sentinel) => sentinel.call("SENTINEL", "FAILOVER", "test-local"));
    await waitUntil(
      "another node is in local_master, and redis-a a replica",
      async () => {
        const { stdout, stderr } = await live();
        const { local_master: master, local_replicas: replicas } = groupsOf(stdout);
        return (
          stderr === "" && master?.hosts[0] !== "redis-a.local" && replicas?.hosts.includes("redis-a.local") === true
        );
      },
      30_000,
    );
  });

  it("the script works from any folder, as Ansible calls it", async () => {
    const script = fileURLToPath(new URL("../../ansible/inventory", import.meta.url));
    const ran = await execa(script, ["--list"], { cwd: "/", env: { REDIS_HA_PROJECT: cluster.root } });
    expect(ran.stderr).toBe("");
    expect(groupsOf(ran.stdout)).toMatchObject({ local_master: { hosts: [expect.any(String)] } });
  });

  it("leaves out a replica that is down, and says so", async () => {
    const { local_replicas: replicas } = groupsOf((await live()).stdout);
    const [first, second] = replicas?.hosts ?? [];
    const node = first?.split(".")[0];
    await cluster.stop(`${node}/redis`);
    const ran = await live();
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain(`${node} does not answer (connection refused)`);
    expect(ran.stderr).toMatch(new RegExp(`Neither in local_master nor local_replicas: ${node}$`));
    expect(groupsOf(ran.stdout)["local_replicas"]?.hosts).toEqual([second]);
  });
});
