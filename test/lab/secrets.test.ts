import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { NodeSecrets } from "../../topology/node-secrets.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";
import { KnownSecrets } from "../support/known-secrets.ts";
import { expectedFiles, filesOn } from "../support/host-files.ts";

/** What each host gets of the environment's secrets, on the road that Terraform goes. */
describeWithHosts.sequential("secrets on hosts", () => {
  let cluster: HostCluster;
  const before = new Map<string, string[]>();
  const file = (node: string): string => `/var/lib/redis-ha/hosts/${node}/secrets/secrets.json`;
  const applied = async (node: string): Promise<string> => {
    const { code, all } = await cluster.step("apply", node);
    expect(code, all).toBe(0);
    return all;
  };

  beforeAll(async () => {
    cluster = await HostCluster.up("secrets");
    for (const node of cluster.names) before.set(node, await filesOn(cluster, node));
    await cluster.apply();
  }, 240_000);
  afterAll(() => cluster?.down());

  it("are made at the first apply, and each host has its own share, for the service user alone", async () => {
    for (const node of cluster.names) {
      const owner = `stat -c '%U %a' ${path.dirname(file(node))} ${file(node)}`;
      expect(await cluster.onHost(node, owner)).toBe("redis 700\nredis 600");
      const share = JSON.parse(await cluster.onHost(node, `cat ${file(node)}`)) as NodeSecrets;
      expect(share.passwords.admin).toBe(fs.readFileSync(path.join(cluster.store, "users", "admin"), "utf8").trim());
      expect(share.tls?.key.trim()).toBe(
        fs.readFileSync(path.join(cluster.store, "tls", "nodes", `${node}.key`), "utf8").trim(),
      );
      const app = fs.readFileSync(path.join(cluster.store, "users", "app"), "utf8").trim();
      expect(JSON.stringify(share)).not.toContain(app);
    }
  });

  it("lie among the files of an apply, which are these and no others, each for whom it is meant", async () => {
    await cluster.holds();
    for (const node of cluster.names) {
      const files = async (): Promise<string[]> =>
        (await filesOn(cluster, node)).filter((line) => !before.get(node)?.includes(line));
      await expect.poll(files, { timeout: 20_000, interval: 1000 }).toEqual(expectedFiles(node));
    }
  });

  it("are not for other users of the host, neither the files nor what processes show of themselves", async () => {
    const secrets = KnownSecrets.of(cluster.store);
    for (const node of cluster.names) {
      const nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups";
      const files = await cluster.onHost(node, "find /var/lib/redis-ha -type f");
      expect(files.split("\n").length).toBeGreaterThan(20);
      const read = `${nobody} cat ${files.replaceAll("\n", " ")} /var/lib/redis-ha 2>/dev/null; :`;
      expect(await cluster.onHost(node, read)).toBe("");
      const shown = await cluster.onHost(
        node,
        `${nobody} sh -c 'for it in /proc/[0-9]*; do cat $it/cmdline $it/environ; done 2>/dev/null; ` +
          `cat /etc/redis-ha/* /etc/systemd/system/redis-ha*'`,
      );
      expect(shown).toContain("redis-server");
      expect(secrets.in(shown)).toEqual([]);
    }
  });

  it("stay as they are when it is applied again", async () => {
    expect(await applied("redis-b")).toContain("redis-b: nothing to change");
  });

  it("come back when the host has lost them", async () => {
    await cluster.onHost("redis-b", `rm ${file("redis-b")}`);
    expect(await applied("redis-b")).toContain("redis-b: secrets written");
    expect(await cluster.onHost("redis-b", `stat -c '%U %a' ${file("redis-b")}`)).toBe("redis 600");
  });

  it("are not made anew by a computer that does not know them: nothing is touched", async () => {
    const before = await cluster.onHost("redis-a", `sha256sum ${file("redis-a")}`);
    const elsewhere = { XDG_DATA_HOME: path.join(cluster.dataHome, "elsewhere") };
    const { code, all } = await cluster.step("apply", "redis-a", {}, elsewhere);
    expect(code).toBe(1);
    expect(all).toContain("has been given secrets, and there are none in");
    expect(fs.existsSync(path.join(elsewhere.XDG_DATA_HOME, "cdktf-redis-ha"))).toBe(false);
    expect(await cluster.onHost("redis-a", `sha256sum ${file("redis-a")}`)).toBe(before);
  });

  it("have a certificate for clients that must show one: connect and drill do, verify holds, and without it nobody is let in", async () => {
    cluster.describe({ access: { clientCertificates: true } });
    expect((await cluster.checkout.synth()).code).toBe(0);
    for (const node of cluster.names) await applied(node);
    await cluster.holds();
    const without = `${cluster.redisCli("redis-a").join(" ")} ping`;
    await expect(cluster.onHost("redis-a", without)).rejects.toThrow(/closed the connection|reset by peer/);

    const connect = async (...args: string[]): Promise<string> => {
      const { code, all } = await cluster.redisHa("connect", ...args);
      expect(code, all).toBe(0);
      return all;
    };
    expect(await connect("--exec", "--", "set", "from", "host")).toContain("OK");
    const here = { cwd: cluster.checkout.root, env: { XDG_DATA_HOME: cluster.dataHome } };
    const printed = await connect("--", "get", "from");
    expect((await cluster.lab.exec(["bash", "-c", printed], here)).stdout).toBe("host");
    for (const node of cluster.names) {
      expect(await cluster.onHost(node, "find /tmp -name key -o -name password")).toBe("");
    }
    const { code, all } = await cluster.redisHa("drill", "hand-over", "--wait1", "--yes");
    expect(code, all).toBe(0);
    await cluster.holds();
  });
});
