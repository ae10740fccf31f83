import { masterAccess } from "../../cluster/access.ts";
import fs from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { recordOf } from "../../agent/processes.ts";
import { lookAt } from "../../cluster/look.ts";
import { checkTitles, type Finding } from "../../cluster/verify.ts";
import { ClusterFixture, waitUntil } from "../support/cluster-fixture.ts";

describe("verify, against a real cluster", { timeout: 40_000 }, () => {
  let cluster: ClusterFixture;
  let mend: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17020 });
  }, 40_000);
  afterAll(() => cluster?.end());
  afterEach(async () => {
    for (const step of mend.reverse()) await step();
    mend = [];
    await cluster.settled();
    await waitUntil("everything holds again", async () => (await failing()).length === 0);
  }, 40_000);

  async function findings(): Promise<Finding[]> {
    const { environment, inventory, root } = cluster;
    return lookAt({ environment, inventory, root });
  }
  const failed = async (): Promise<Finding[]> => (await findings()).filter(({ holds }) => !holds);
  const failing = async (): Promise<string[]> =>
    (await failed()).map(({ id, node }) => (node === null ? id : `${id} ${node}`));
  const message = async (id: string): Promise<string | undefined> =>
    (await failed()).find((each) => each.id === id)?.message;

  const config = (node: string, key: string, value: string): Promise<unknown> =>
    cluster.redis(node, (redis) => redis.config("SET", key, value));
  const follow = (node: string, host: string, port: string | number): Promise<unknown> =>
    cluster.redis(node, (redis) => redis.replicaof(host, port));
  const sentinel = (node: string, ...args: (string | number)[]): Promise<unknown> =>
    cluster.sentinel(node, (redis) => redis.call("SENTINEL", ...args));

  it("runs every check on a healthy cluster, and all of them hold", async () => {
    const all = await findings();
    expect(all.filter(({ holds }) => !holds)).toEqual([]);
    expect(all.every(({ remedy }) => remedy === null)).toBe(true);
    expect([...new Set(all.map(({ id }) => id))]).toEqual(
      Object.keys(checkTitles).filter((id) => id !== "client-certificate"),
    );
    const nodes = (id: string): (string | null)[] => all.filter((each) => each.id === id).map(({ node }) => node);
    expect(nodes("one-master")).toEqual([null]);
    expect(nodes("replica-follows")).toEqual(["redis-b", "redis-c"]);
    expect(nodes("sentinel-names-master")).toEqual(["redis-a", "redis-b", "redis-c"]);
  });

  it("still holds while clients write", async () => {
    let on = true;
    const writer = cluster.redis("redis-a", async (redis) => {
      while (on) await redis.set("load", "x".repeat(1000));
    });
    try {
      expect(await failing()).toEqual([]);
    } finally {
      on = false;
      await writer;
    }
  });

  it("names a replica that is stopped, once, and one that hangs", async () => {
    mend.push(() => cluster.startProcess("redis-b/redis"));
    await cluster.stop("redis-b/redis");
    expect(await failing()).toEqual(["redis-reachable redis-b"]);
    expect((await failed())[0]).toMatchObject({
      message: "redis-b does not answer at 127.0.0.1:17021: connection refused",
      remedy: "npx redis-ha converge --env local",
    });
    mend.push(() => cluster.resume("redis-c/redis"));
    cluster.hang("redis-c/redis");
    expect(await failing()).toEqual(["redis-reachable redis-b", "redis-reachable redis-c"]);
  });

  it("names the master when it is stopped", async () => {
    mend.push(() => cluster.startProcess("redis-a/redis"));
    await cluster.stop("redis-a/redis");
    await waitUntil("all have noticed", async () => (await failing()).length === 7);
    expect(await failing()).toEqual([
      "redis-reachable redis-a",
      "one-master",
      "sentinel-flags redis-a",
      "sentinel-flags redis-b",
      "sentinel-flags redis-c",
      "replica-link redis-b",
      "replica-link redis-c",
    ]);
    expect(await message("one-master")).toBe("no server says that it is master (the Sentinels name redis-a)");
  });

  it("names a Sentinel that is stopped", async () => {
    mend.push(() => cluster.startProcess("redis-c/sentinel"));
    await cluster.stop("redis-c/sentinel");
    expect(await failing()).toEqual(["sentinel-reachable redis-c"]);
  });

  it("says when the Sentinels that are left cannot elect", async () => {
    const name = cluster.inventory.masterName;
    mend.push(() => sentinel("redis-a", "SET", name, "down-after-milliseconds", 60_000));
    mend.push(() => cluster.startProcess("redis-b/sentinel"));
    mend.push(() => cluster.startProcess("redis-c/sentinel"));
    await sentinel("redis-a", "SET", name, "down-after-milliseconds", 1000);
    await cluster.stop("redis-b/sentinel");
    await cluster.stop("redis-c/sentinel");
    await waitUntil("the Sentinel has noticed", async () => (await failing()).includes("sentinel-ckquorum redis-a"));
    expect(await message("sentinel-ckquorum")).toContain("NOQUORUM");
  });

  it("names a replica that follows the wrong node", async () => {
    mend.push(() => follow("redis-c", "127.0.0.1", 17020));
    await follow("redis-c", "127.0.0.1", 17021);
    await waitUntil("it is linked", async () => !(await failing()).includes("replica-link redis-c"));
    expect(await failing()).toEqual(["replica-follows redis-c"]);
    expect(await message("replica-follows")).toBe("redis-c follows redis-b, not redis-a");
  });

  it("names two masters", async () => {
    mend.push(() => follow("redis-b", "127.0.0.1", 17020));
    await follow("redis-b", "NO", "ONE");
    expect(await failing()).toEqual(["one-master"]);
    expect(await message("one-master")).toBe("redis-a and redis-b say that they are master");
  });

  it("names replicas without a link, and says that the master lacks them", async () => {
    const master = (...acl: string[]): Promise<unknown> =>
      cluster.redis("redis-a", async (redis) => {
        await redis.call("ACL", "SETUSER", "replica", ...acl);
        await redis.client("KILL", "TYPE", "REPLICA");
      });
    // SYNC stays forbidden: a replica that was refused PSYNC would fall back to it, and such a one never acknowledges.
    mend.push(() => master("+psync"));
    await master("-psync", "-sync");
    await waitUntil("both links are down", async () => (await message("replica-link")) !== undefined);
    expect(await failing()).toEqual([
      "replica-link redis-b",
      "replica-link redis-c",
      "replica-caught-up redis-b",
      "replica-caught-up redis-c",
      "good-replicas redis-a",
      "users redis-a",
    ]);
    expect(await message("good-replicas")).toBe("redis-a has 0 replicas in step; it accepts writes with 1 and more");
  });

  it("names a key that runs with another value than applied, and a fence apart from that", async () => {
    mend.push(() => config("redis-b", "maxmemory", "64mb"));
    await config("redis-b", "maxmemory", "65mb");
    expect(await failing()).toEqual(["running-config redis-b"]);
    expect(await message("running-config")).toBe(`redis-b: maxmemory is ${65 * 1024 * 1024}, applied is 64mb`);
    mend.push(() => config("redis-a", "min-replicas-to-write", "1"));
    await config("redis-a", "min-replicas-to-write", "99");
    expect(await failing()).toEqual(["fenced redis-a", "running-config redis-b"]);
  });

  it.each([
    ["down-after-milliseconds", 5000, 60_000],
    ["failover-timeout", 20_000, 10_000],
    ["parallel-syncs", 2, 1],
    ["quorum", 3, 2],
  ])("names a Sentinel with another %s", async (key, wrong, right) => {
    const name = cluster.inventory.masterName;
    mend.push(() => sentinel("redis-b", "SET", name, key, right));
    await sentinel("redis-b", "SET", name, key, wrong);
    expect(await failing()).toEqual(["sentinel-settings redis-b"]);
    expect(await message("sentinel-settings")).toBe(`the Sentinel of redis-b: ${key} is ${wrong}, applied is ${right}`);
  });

  /** As whom it asks the servers is forgotten with the master. */
  const letIn = (node: string): Promise<unknown> => {
    const { username = "", password = "" } = masterAccess();
    return sentinel(node, "SET", cluster.inventory.masterName, "auth-user", username, "auth-pass", password);
  };

  it("names a Sentinel that names another master, and only that one", async () => {
    const { masterName, quorum } = cluster.inventory;
    const monitor = async (port: number): Promise<void> => {
      await sentinel("redis-c", "REMOVE", masterName);
      await sentinel("redis-c", "MONITOR", masterName, "127.0.0.1", port, quorum);
      await sentinel("redis-c", "SET", masterName, "down-after-milliseconds", 60_000, "failover-timeout", 10_000);
      await letIn("redis-c");
    };
    mend.push(() => monitor(17020));
    await monitor(17021);
    const found = await failing();
    expect(found).toContain("sentinel-names-master redis-c");
    expect(found.filter((each) => !each.endsWith(" redis-c"))).toEqual([]);
    expect(await message("sentinel-names-master")).toBe(
      "the Sentinel of redis-c names redis-b, which is a replica, not redis-a",
    );
  });

  it("names a Sentinel that watches nothing of that name", async () => {
    const { masterName, quorum } = cluster.inventory;
    mend.push(() =>
      sentinel("redis-c", "SET", masterName, "down-after-milliseconds", 60_000, "failover-timeout", 10_000),
    );
    mend.push(() => letIn("redis-c"));
    mend.push(() => sentinel("redis-c", "MONITOR", masterName, "127.0.0.1", 17020, quorum));
    await sentinel("redis-c", "REMOVE", masterName);
    expect(await failing()).toEqual(["sentinel-reachable redis-c"]);
    expect(await message("sentinel-reachable")).toContain("No such master");
  });

  it("names a master that a Sentinel sees as down", async () => {
    const name = cluster.inventory.masterName;
    mend.push(() => sentinel("redis-c", "SET", name, "down-after-milliseconds", 60_000));
    mend.push(() => cluster.resume("redis-a/redis"));
    await sentinel("redis-c", "SET", name, "down-after-milliseconds", 1000);
    cluster.hang("redis-a/redis");
    await waitUntil("the Sentinel has noticed", async () => (await failing()).includes("sentinel-flags redis-c"));
    expect(await message("sentinel-flags")).toContain(`the Sentinel of redis-c sees redis-a as "s_down,master`);
  });

  it("names ghosts: a replica and a Sentinel that the topology does not have", async () => {
    const { masterName } = cluster.inventory;
    const folder = cluster.folder("redis-b");
    const restart = async (state: string): Promise<void> => {
      await cluster.stop("redis-b/sentinel");
      await fs.writeFile(folder.sentinelState, state);
      await cluster.startProcess("redis-b/sentinel");
    };
    const before = await fs.readFile(folder.sentinelState, "utf8");
    mend.push(() => restart(before));
    await restart(
      `${before}\nsentinel known-replica ${masterName} 127.0.0.1 17039\n` +
        `sentinel known-sentinel ${masterName} 127.0.0.1 17038 ${"a".repeat(40)}\n`,
    );
    expect(await failing()).toEqual(["sentinel-peers redis-b", "sentinel-replicas redis-b"]);
    expect(await message("sentinel-peers")).toContain("still knows 127.0.0.1:17038, a Sentinel");
    expect(await message("sentinel-replicas")).toContain("still knows 127.0.0.1:17039, a replica");
  });

  it("names a Sentinel that knows no others", async () => {
    const { masterName, quorum } = cluster.inventory;
    const folder = cluster.folder("redis-b");
    const before = await fs.readFile(folder.sentinelState, "utf8");
    const restart = async (state: string): Promise<void> => {
      await cluster.stop("redis-b/sentinel");
      await fs.writeFile(folder.sentinelState, state);
      await cluster.startProcess("redis-b/sentinel");
    };
    mend.push(() => restart(before));
    // A master that nobody is: neither replicas nor Sentinels can be learnt from it.
    await restart(`sentinel monitor ${masterName} 127.0.0.1 17037 ${quorum}\n`);
    expect(await message("sentinel-peers")).toBe(
      "the Sentinel of redis-b does not know the Sentinel redis-a; does not know the Sentinel redis-c",
    );
    expect(await message("sentinel-replicas")).toContain("does not know the replica redis-b");
  });

  it("names a server that could not write down its role", async () => {
    const { redisData } = cluster.folder("redis-b");
    mend.push(() => fs.rename(`${redisData}.away`, redisData));
    await fs.rename(redisData, `${redisData}.away`);
    expect(await failing()).toEqual(["config-rewrite redis-b"]);
  });

  it("names a file that was edited, and one that is gone", async () => {
    const { redisConf, sentinelConf } = cluster.folder("redis-a");
    const files = cluster.specs.get("redis-a")!.files;
    mend.push(() => fs.writeFile(redisConf, files["redis.conf"] ?? ""));
    await fs.writeFile(redisConf, files["redis.conf"]?.replace("64mb", "65mb") ?? "");
    expect(await failing()).toEqual(["files-on-disk redis-a"]);
    expect(await message("files-on-disk")).toBe('redis-a: redis.conf differs (line 8 is "maxmemory 65mb")');
    mend.push(() => fs.writeFile(sentinelConf, files["sentinel.conf"] ?? ""));
    await fs.rm(sentinelConf);
    expect(await message("files-on-disk")).toContain("sentinel.conf is missing");
  });

  it("names users that are others than applied: loaded by a server, by a Sentinel, or in a file", async () => {
    const acl = path.join(path.dirname(cluster.folder("redis-c").secrets), "redis.acl");
    const before = await fs.readFile(acl, "utf8");
    mend.push(() => cluster.redis("redis-b", (redis) => redis.call("ACL", "SETUSER", "app", "-flushall")));
    mend.push(() => cluster.sentinel("redis-b", (redis) => redis.call("ACL", "DELUSER", "guest")));
    mend.push(() => fs.writeFile(acl, before));
    await cluster.redis("redis-b", (redis) => redis.call("ACL", "SETUSER", "app", "+flushall"));
    await cluster.sentinel("redis-b", (redis) => redis.call("ACL", "SETUSER", "guest", "on", "nopass", "+@all"));
    await fs.writeFile(acl, before.replace("user default off", "user default on nopass"));
    expect(await failing()).toEqual(["users redis-b", "users redis-c"]);
    expect(await message("users")).toMatch(/^redis-b: user app [^;]*; user guest should not be there$/);
  });

  it("names an agent that does not run", async () => {
    const file = path.join(cluster.folder("redis-b").run, "agent.json");
    const record = await fs.readFile(file, "utf8");
    mend.push(() => fs.writeFile(file, record));
    await fs.rm(file);
    expect(await failing()).toEqual(["agent-running redis-b"]);
    // A pid that somebody else has now.
    await fs.writeFile(file, JSON.stringify({ ...(JSON.parse(record) as object), started: "1" }));
    expect(await failing()).toEqual(["agent-running redis-b"]);
  });

  it("takes the priority of a replica that was just started for what it is, and no other", async () => {
    mend.push(() => config("redis-c", "replica-priority", "100"));
    await config("redis-c", "replica-priority", "1900000000");
    expect(await failing()).toEqual(["running-config redis-c"]);
    const file = path.join(cluster.folder("redis-c").run, "redis.json");
    mend.push(() => fs.rm(file));
    await fs.writeFile(file, JSON.stringify({ ...recordOf(process.pid), priority: "1900000000" }));
    expect(await failing()).toEqual([]);
  });

  it("says of nodes that were stopped on purpose how to start them", async () => {
    const { spec, retired } = cluster.folder("redis-c");
    mend.push(() => fs.rename(retired, spec));
    await fs.rename(spec, retired);
    mend.push(() => cluster.startProcess("redis-c/redis"));
    await cluster.stop("redis-c/redis");
    const found = (await findings()).find(({ id, node }) => id === "redis-reachable" && node === "redis-c");
    expect(found?.remedy).toBe("apply: npm start, or npx terragrunt run-all apply in terragrunt/local");
  });

  it("says that a node was never applied, and compares it with what was synthesized", async () => {
    mend.push(() => cluster.writeSpec(cluster.specs.get("redis-c")!, "applied"));
    await fs.rm(cluster.folder("redis-c").spec);
    expect(await failing()).toEqual(["applied redis-c"]);
    mend.push(() => config("redis-c", "maxmemory", "64mb"));
    await config("redis-c", "maxmemory", "65mb");
    expect(await failing()).toEqual(["running-config redis-c", "applied redis-c"]);
  });

  it("hints at a change that was synthesized and not yet applied, and holds", async () => {
    const spec = cluster.specs.get("redis-c")!;
    mend.push(() => cluster.writeSpec(spec, "synthesized"));
    const files = { ...spec.files, "redis.conf": `${spec.files["redis.conf"]}maxclients 500\n` };
    await cluster.writeSpec({ ...spec, files }, "synthesized");
    const hints = (await findings()).filter(({ remedy }) => remedy !== null);
    expect(hints).toMatchObject([
      { id: "applied", node: "redis-c", holds: true, remedy: expect.stringContaining("apply") as string },
    ]);
  });
});
