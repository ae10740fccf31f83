import { stateFolder } from "../../agent/node-folder.ts";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseEnvironments } from "../../environments/parse.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { ansible, describeWithAnsible } from "../support/ansible.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";
import { hostsInput, pairOn } from "./inventory-inputs.ts";

const script = fileURLToPath(new URL("../../ansible/inventory", import.meta.url));

/** What `ansible-inventory --list` prints: Ansible's own reading, written by Ansible. */
interface Listed {
  readonly _meta: { readonly hostvars: Record<string, Record<string, unknown>> };
  readonly [group: string]: { readonly hosts?: string[]; readonly children?: string[] } & Record<string, unknown>;
}

describeWithAnsible("ansible/inventory, read by Ansible", { timeout: 60_000 }, () => {
  let cluster: ClusterFixture;
  let root: string;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 16100 });
    root = path.join(await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "rha-"))), "a checkout");
    await fs.mkdir(path.join(root, "cdktf.out"), { recursive: true });
    await fs.writeFile(path.join(root, "cdktf.json"), "{}");
    // The same nodes, of another checkout.
    await fs.cp(path.dirname(path.dirname(cluster.folder("redis-a").root)), stateFolder(root), { recursive: true });
    await synthesized({ live: true });
  }, 40_000);
  afterAll(async () => {
    await cluster?.end();
    if (root) await fs.rm(path.dirname(root), { recursive: true, force: true });
  });

  /** Two environments that never run and, if `live`, the cluster that does. */
  async function synthesized({ live }: { live: boolean }): Promise<void> {
    const inventory = inventoryOf(parseEnvironments([hostsInput, pairOn(16120)]));
    const environments = live ? { ...inventory.environments, local: cluster.inventory } : inventory.environments;
    await fs.writeFile(path.join(root, "cdktf.out", "environments.json"), JSON.stringify({ version: 1, environments }));
  }
  const run = (program: "ansible" | "ansible-inventory", ...args: string[]): ReturnType<typeof ansible> =>
    ansible(program, ["-i", script, ...args], { REDIS_HA_PROJECT: root });
  const list = async (): Promise<Listed> => JSON.parse((await run("ansible-inventory", "--list")).stdout) as Listed;

  it("has the groups by environment, zone, kind and present role, which a pattern combines", async () => {
    const groups = await list();
    expect(groups["hosts_1"]?.children).toEqual(["hosts_1_zone_rack_a", "hosts_1_zone_rack_b", "hosts_1_zone_rack_c"]);
    expect(groups["hosts_1_zone_rack_b"]?.hosts).toEqual(["redis-b.hosts-1"]);
    expect(groups["redis"]?.hosts).toHaveLength(8);
    expect(groups["sentinel"]?.hosts).toHaveLength(9);
    expect(groups["witness"]?.hosts).toEqual(["witness-c.pair"]);
    expect(groups["local_master"]?.hosts).toEqual(["redis-a.local"]);
    expect(groups["local_replicas"]?.hosts).toEqual(["redis-b.local", "redis-c.local"]);
    for (const silent of ["hosts_1", "pair"]) {
      expect(groups[`${silent}_master`]?.hosts ?? []).toEqual([]);
      expect(groups[`${silent}_replicas`]?.hosts ?? []).toEqual([]);
    }
    const { stdout } = await run("ansible", "redis:&pair", "--list-hosts");
    expect(stdout.replace(/\s+/g, " ").trim()).toBe("hosts (2): redis-a.pair redis-b.pair");
  });

  it("has the variables with which Ansible reaches the hosts", async () => {
    const { _meta } = await list();
    expect(Object.keys(_meta.hostvars)).toHaveLength(9);
    expect(_meta.hostvars["redis-b.hosts-1"]).toMatchObject({
      ansible_host: "127.0.2.10",
      ansible_port: 2222,
      ansible_user: "admin",
      ansible_ssh_private_key_file: path.join(root, "keys/id"),
      redis_ha_redis_port: 6379,
      redis_ha_master_name: "redis-ha-hosts-1",
    });
    expect(_meta.hostvars["witness-c.pair"]).toMatchObject({ ansible_connection: "local", redis_ha_zone: "c" });
  });

  it("gives no warning, while every server answers", async () => {
    const env = { REDIS_HA_PROJECT: cluster.root };
    for (const form of ["--list", "--graph"]) {
      const ran = await ansible("ansible-inventory", ["-i", script, form], env);
      expect(ran, form).toMatchObject({ code: 0, stderr: "" });
      expect(ran.stdout).toContain("local_replicas");
    }
    const ping = await ansible("ansible", ["-i", script, "redis", "-m", "ping"], env);
    expect(ping).toMatchObject({ code: 0, stderr: "" });
    expect(ping.stdout.match(/"pong"/g)).toHaveLength(3);
  });

  it("says whose role is not known, and gives no other warning", async () => {
    await synthesized({ live: false });
    const ran = await run("ansible-inventory", "--graph");
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("Neither in hosts_1_master nor hosts_1_replicas: redis-a, redis-b, redis-c");
    expect(ran.stderr).not.toContain("WARNING");
  });
});
