import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import { processStart, waitFor } from "../../agent/processes.ts";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

/** The whole life of the default environment, by the commands that a newcomer types. The steps build on each other. */
describe.sequential("a cluster on this computer", () => {
  const base = 18000;
  const nodes = ["redis-a", "redis-b", "redis-c"];
  let checkout: Checkout;
  const cluster = new Cluster(threeNodes("local", base), () => checkout);
  const at = (port: number): Endpoint => {
    cluster.speak();
    return { address: "127.0.0.1", port };
  };

  const pids = (): Record<string, number | undefined> =>
    Object.fromEntries(
      nodes.flatMap((node) =>
        (["redis", "sentinel", "agent"] as const).map((name) => [`${node} ${name}`, checkout.pid("local", node, name)]),
      ),
    );
  const master = async (): Promise<string | null> =>
    (JSON.parse((await checkout.redisHa("status", "--json")).stdout) as { master: string | null }).master;

  beforeAll(async () => {
    checkout = await createCheckout(threeNodes("local", base));
  });
  afterAll(() => checkout?.remove());

  it("npm start brings it up, and ends with a status table and how to connect", async () => {
    const { code, all } = await checkout.start();
    expect(all).toContain("6 added, 0 changed, 0 destroyed");
    expect(all).toContain("redis-a is master, 2 replicas follow, 3 Sentinels agree");
    expect(all).toContain("npx redis-ha connect");
    expect(code).toBe(0);
  });

  it("verify holds", async () => {
    const { code, stdout } = await checkout.redisHa("verify", "--env", "local", "--json");
    expect((JSON.parse(stdout) as { checks: { holds: boolean }[] }).checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(code).toBe(0);
  });

  it("npm start again changes nothing and restarts nothing", async () => {
    const before = pids();
    const { code, all } = await checkout.start();
    expect(all).toContain("Nothing to change: the cluster is as described.");
    expect(code).toBe(0);
    expect(pids()).toEqual(before);
    expect(Object.values(before).every((pid) => pid !== undefined && processStart(pid))).toBe(true);
  });

  it("Terragrunt on the same output finds nothing to change", async () => {
    const before = pids();
    const { code, all } = await checkout.terragrunt("local", "run-all", "plan");
    expect(all.match(/No changes\./g)).toHaveLength(3);
    expect(code).toBe(0);
    expect(pids()).toEqual(before);
  });

  it("a changed setting reaches the running servers without a restart, whichever driver applies it", async () => {
    const before = pids();
    checkout.describe(threeNodes("local", base, { maxMemoryMb: 150 }));
    const { code, all } = await checkout.terragrunt("local", "run-all", "apply", "--non-interactive", "-auto-approve");
    expect(all).toContain("maxmemory set to 157286400");
    expect(code).toBe(0);
    expect(pids()).toEqual(before);
    const running = await withConnection(at(base + 2), (redis) => redis.config("GET", "maxmemory"));
    expect(running).toEqual(["maxmemory", "157286400"]);
    expect((await checkout.start()).all).toContain("Nothing to change");
  });

  it("after a failover, npm start leaves the new master, takes the old one back as replica, and restarts nothing else", async () => {
    await withConnection(at(base + 1), (redis) => redis.set("written", "before"));
    const before = pids();
    for (const name of ["agent", "redis"] as const) process.kill(before[`redis-a ${name}`] as number, "SIGKILL");
    const elected = await waitFor(
      "Sentinel elects another master",
      async () => {
        const name = await master();
        return name && name !== "redis-a" ? name : undefined;
      },
      20_000,
      200,
    );

    const { code, all } = await checkout.start();
    expect(all).toContain(
      "0 added, 0 changed, 0 destroyed".length > 0 ? `${elected} is master, 2 replicas follow` : "",
    );
    expect(code).toBe(0);
    const after = pids();
    for (const process of Object.keys(before).filter((name) => name !== "redis-a agent" && name !== "redis-a redis")) {
      expect(after[process], process).toBe(before[process]);
    }
    expect(after["redis-a redis"]).not.toBe(before["redis-a redis"]);
    const kept = await withConnection(at(base + 1), (redis) => redis.get("written"));
    expect(kept).toBe("before");
    expect(await master()).toBe(elected);
  });

  it("a node that was retired although Terraform still has it is brought back by npm start", async () => {
    await checkout.host("retire", "local", "redis-b");
    const { code, all } = await checkout.start();
    expect(code, all).toBe(0);
    expect(all).toContain("2 replicas follow, 3 Sentinels agree");
  });

  it("npm stop leaves no process, no port, and no file but the state folder that it names", async () => {
    const before = pids();
    const { code, all } = await checkout.stop();
    expect(code).toBe(0);
    expect(all).toContain(checkout.folder("local", "").root);
    for (const [name, pid] of Object.entries(before)) expect(processStart(pid as number), name).toBeUndefined();
    for (const port of [1, 2, 3, 11, 12, 13].map((offset) => base + offset)) {
      expect(await isListening({ address: "127.0.0.1", port }), `port ${port}`).toBe(false);
    }
    const state = checkout.folder("local", "redis-a").root;
    expect(fs.existsSync(state)).toBe(true);
  });

  it("converge starts nothing that was stopped: it mends what is applied, and is no second way to apply", async () => {
    const { code, all } = await checkout.redisHa("converge");
    expect(code).toBe(0);
    expect(all).toContain("redis-a: was retired; an apply brings it back");
    expect(await isListening({ address: "127.0.0.1", port: base + 1 })).toBe(false);
  });

  it("npm start after a stop brings the data back", async () => {
    const { code } = await checkout.start();
    expect(code).toBe(0);
    const name = await master();
    const port = base + 1 + nodes.indexOf(name ?? "");
    expect(await withConnection(at(port), (redis) => redis.get("written"))).toBe("before");
  });
});
