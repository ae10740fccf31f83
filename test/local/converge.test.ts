import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processStart, waitFor } from "../../agent/processes.ts";
import { sentinelEndpoint } from "../../cluster/answers.ts";
import { pairs, withConnection } from "../../cluster/connection.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

interface Check {
  id: string;
  node: string | null;
  holds: boolean;
}

/** Everything that Terraform cannot see: verify names it, converge mends it, and nothing else is touched. */
describe.sequential("drift", () => {
  const environment = threeNodes("local", 18200);
  const cluster = new Cluster(environment, () => checkout);
  let checkout: Checkout;

  const failing = async (): Promise<string[]> => {
    const { code, stdout, all } = await checkout.redisHa("verify", "--env", "local", "--json");
    if (stdout === "") throw new Error(all);
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    const found = checks.filter(({ holds }) => !holds).map(({ id, node }) => `${id} ${node}`);
    expect(code).toBe(found.length > 0 ? 1 : 0);
    return found;
  };
  const converge = async (): Promise<string> => {
    const { code, all } = await checkout.redisHa("converge", "--env", "local");
    expect(all).not.toContain("Error");
    expect(code, all).toBe(0);
    const { code: verified, all: why } = await checkout.redisHa("verify", "--env", "local", "--wait", "30");
    expect(verified, why).toBe(0);
    return all;
  };
  const pids = (): (number | undefined)[] =>
    cluster.names.flatMap((node) =>
      (["redis", "sentinel", "agent"] as const).map((name) => checkout.pid("local", node, name)),
    );
  /** Ends the agent first, so that it does not mend what the test breaks. */
  const kill = (node: string, name: "redis" | "sentinel"): void => {
    for (const each of ["agent", name] as const) process.kill(checkout.pid("local", node, each) as number, "SIGKILL");
  };
  const replica = async (): Promise<string> => {
    const master = await cluster.whole();
    return cluster.names.find((name) => name !== master) as string;
  };

  beforeAll(async () => {
    checkout = await createCheckout(environment);
    const { code, all } = await checkout.synth();
    if (code !== 0) throw new Error(all);
    for (const node of cluster.names) await checkout.host("apply", "local", node);
    await cluster.whole();
    expect((await checkout.redisHa("verify", "--wait", "30")).code).toBe(0);
  });
  afterAll(() => checkout?.remove());

  it("is not there in a healthy cluster, and converge then touches nothing", async () => {
    const before = pids();
    expect(await failing()).toEqual([]);
    expect(await converge()).toMatch(
      /redis-a: nothing to change\nredis-b: nothing to change\nredis-c: nothing to change/,
    );
    expect(pids()).toEqual(before);
  });

  it("a replica that is stopped", async () => {
    const node = await replica();
    kill(node, "redis");
    expect(await failing()).toContain(`redis-reachable ${node}`);
    expect(await converge()).toContain(`${node}: agent started`);
  });

  it("a Sentinel that is stopped", async () => {
    kill("redis-b", "sentinel");
    expect(await failing()).toContain("sentinel-reachable redis-b");
    await converge();
    expect(processStart(checkout.pid("local", "redis-b", "sentinel") as number)).toBeDefined();
  });

  it("a replica that follows the wrong master", async () => {
    const master = await cluster.whole();
    const [node, other] = cluster.names.filter((name) => name !== master) as [string, string];
    const { address, port } = cluster.endpoint(other);
    await withConnection(cluster.endpoint(node), (redis) => redis.replicaof(address, port));
    expect(await failing()).toContain(`replica-follows ${node}`);
    await converge();
    expect((await cluster.state(node))?.master).toEqual(cluster.endpoint(master));
  });

  it("a running setting that differs from redis.conf is set back without a restart", async () => {
    const before = pids();
    await withConnection(cluster.endpoint("redis-c"), (redis) =>
      redis.config("SET", "maxmemory-policy", "allkeys-lru"),
    );
    expect(await failing()).toContain("running-config redis-c");
    expect(await converge()).toContain("redis-c: maxmemory-policy set to noeviction");
    expect(pids()).toEqual(before);
  });

  it("a redis.conf that somebody edited, or removed, is written again", async () => {
    const file = checkout.folder("local", "redis-a").redisConf;
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, text.replace("maxmemory-policy noeviction", "maxmemory-policy allkeys-lru"));
    expect((await failing()).length).toBeGreaterThan(0);
    await converge();
    expect(fs.readFileSync(file, "utf8")).toBe(text);
    fs.rmSync(file);
    expect((await failing()).length).toBeGreaterThan(0);
    await converge();
    expect(fs.readFileSync(file, "utf8")).toBe(text);
  });

  it("a Sentinel's timing that somebody changed is the template's again", async () => {
    const name = cluster.topology.masterName;
    const node = cluster.topology.nodes.find((each) => each.name === "redis-a");
    const sentinel = sentinelEndpoint(node as NonNullable<typeof node>);
    await withConnection(sentinel, (redis) => redis.call("SENTINEL", "SET", name, "down-after-milliseconds", "7777"));
    expect((await failing()).length).toBeGreaterThan(0);
    expect(await converge()).toContain("redis-a: down-after-milliseconds set to 2000");
    const told = await withConnection(sentinel, async (redis) => pairs(await redis.call("SENTINEL", "MASTER", name)));
    expect(told["down-after-milliseconds"]).toBe("2000");
  });

  it("a user that somebody gave more rights, let in without a password, or made, has the applied ones again", async () => {
    const before = pids();
    const change = (...acl: string[]): Promise<unknown> =>
      withConnection(cluster.endpoint("redis-b"), (redis) => redis.call("ACL", "SETUSER", ...acl));
    await change("default", "on", "nopass", "+@all", "~*");
    await change("reader", "+set", "~*");
    await change("guest", "on", "nopass", "+@all");
    expect(await failing()).toEqual(["users redis-b"]);
    const done = await converge();
    expect(done).toMatch(/redis-b: redis: users set \(reader [^;]*; guest [^;]*; default [^;]*\)/);
    expect(await failing()).toEqual([]);
    expect(pids()).toEqual(before);
  });

  it("a Sentinel that was made to watch the master anew is told again as whom it asks, by its agent", async () => {
    const { masterName: name, nodes, quorum } = cluster.topology;
    const { address, port } = cluster.endpoint(await cluster.whole());
    const node = nodes.find((each) => each.name === "redis-c");
    const sentinel = sentinelEndpoint(node as NonNullable<typeof node>);
    await withConnection(sentinel, async (redis) => {
      await redis.call("SENTINEL", "REMOVE", name);
      await redis.call("SENTINEL", "MONITOR", name, address, port, quorum);
      await redis.call("SENTINEL", "SET", name, "down-after-milliseconds", "2000");
    });
    // As nobody it is told of no replica.
    const replicas = async (): Promise<string | undefined> =>
      withConnection(sentinel, async (redis) => pairs(await redis.call("SENTINEL", "MASTER", name))["num-slaves"]);
    await waitFor("it knows the replicas", async () => (await replicas()) === "2" || undefined, 20_000);
    const log = fs.readFileSync(path.join(checkout.folder("local", "redis-c").logs, "agent.log"), "utf8");
    expect(log).toMatch(/sentinel: did not see redis-[abc], which answers: told again as whom to ask/);
    await converge();
    await cluster.whole();
  });

  it("a node whose whole folder is lost comes back by replication", async () => {
    const node = await replica();
    await withConnection(cluster.endpoint(await cluster.master()), (redis) => redis.set("kept", "yes"));
    await checkout.host("retire", "local", node);
    fs.rmSync(checkout.folder("local", node).root, { recursive: true });
    // Only after an apply: by itself converge starts nothing that may have been stopped on purpose.
    expect((await checkout.redisHa("converge")).all).toContain(
      `${node}: not applied on this computer, or its folder is lost`,
    );
    const { code, all } = await checkout.redisHa("converge", "--after-apply");
    expect(code, all).toBe(0);
    expect(all).toContain("using the synthesized spec");
    await cluster.whole();
    expect(await withConnection(cluster.endpoint(node), (redis) => redis.get("kept"))).toBe("yes");
  });
});
