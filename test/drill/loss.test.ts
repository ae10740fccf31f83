import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Load } from "../../drill/load.ts";
import { askRedis } from "../../cluster/answers.ts";
import { ClusterFixture, waitUntil } from "../support/cluster-fixture.ts";

/** A checker that never finds a loss proves nothing: here writes are lost for certain. */
describe.sequential("a loss", { timeout: 90_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17140, shape: "pair" });
  }, 40_000);
  afterAll(() => cluster?.end());

  const master = async (): Promise<string> => {
    const found = (await askRedis(cluster.inventory.nodes)).filter(({ state }) => state?.role === "master");
    expect(found).toHaveLength(1);
    return found[0]?.node.name ?? "";
  };
  const keys = async (): Promise<string[]> => cluster.redis(await master(), (redis) => redis.keys("*"));

  it("of everything that was written until then is seen, to the write, and foreign keys are left alone", async () => {
    const load = new Load(cluster.inventory, {
      clients: ["recommended"],
      rate: "full",
      wait: false,
      logins: cluster.logins,
    });
    try {
      await load.succeeded(-Infinity);
      await delay(700);
      const faultAt = performance.now();
      load.fault();
      const name = await master();
      await cluster.redis(name, (redis) => redis.flushall());
      const wipedMs = performance.now() - faultAt;
      await load.succeeded(performance.now() + 300);
      await load.stop();
      await cluster.redis(name, (redis) => redis.set("drill:other", "mine"));
      const {
        writers: [written],
        readers: [read],
      } = await load.results(cluster.node(name));
      const { acknowledged = 0, lost, lostFirstMs, lostLastMs } = written ?? {};
      expect(lost).toBeGreaterThan(0);
      const left = await cluster.redis(name, async (redis) => {
        const all = (await redis.keys("drill:*:*")).map((key) => redis.bitcount(key));
        return (await Promise.all(all)).reduce((sum, count) => sum + count, 0);
      });
      // Everything that is not there any more, and nothing else: no write was given up, so all that is there was acknowledged.
      expect(acknowledged - (lost ?? 0)).toBe(left);
      expect(lostFirstMs).toBeLessThan(-650);
      // What was acknowledged in the moment of the wipe.
      expect(lostLastMs).toBeLessThan(wipedMs + 200);
      // The replica does not have it either, and the reader looks for what was acknowledged half a second before.
      expect(read?.stale).toBeGreaterThan(0);
      await load.removeKeys(cluster.node(name));
      expect(await keys()).toEqual(["drill:other"]);
    } finally {
      await load.stop();
      await cluster.redis(await master(), (redis) => redis.flushall());
    }
  });

  it("by a bare SENTINEL FAILOVER is seen, and WAIT 1 tells which writes were safe", async () => {
    const load = new Load(cluster.inventory, {
      clients: ["defaults"],
      rate: "paced",
      wait: true,
      logins: cluster.logins,
    });
    try {
      const before = await master();
      await load.succeeded(-Infinity);
      load.fault();
      await cluster.sentinel("redis-b", (redis) => redis.call("SENTINEL", "FAILOVER", cluster.inventory.masterName));
      await waitUntil(
        "the former master follows the new one",
        async () => {
          const roles = (await askRedis(cluster.inventory.nodes)).map(({ node, state }) => [node.name, state?.role]);
          return roles.some(([name, role]) => name === before && role === "replica");
        },
        40_000,
      );
      await cluster.settled();
      await load.succeeded(performance.now(), 30_000);
      const after = await master();
      expect(after).not.toBe(before);
      const { writers } = await load.results(cluster.node(after));
      const [plain, waiting] = writers;
      // About ten seconds of writes that the former master acknowledged all alone.
      expect(plain?.lost).toBeGreaterThan(300);
      expect(plain?.lostFirstMs).toBeGreaterThan(-50);
      expect(waiting).toMatchObject({ wait: true, lost: 0, recovered: true });
      expect(waiting?.acknowledged).toBeGreaterThan(100);
      expect(waiting?.errors).toHaveProperty(["WAIT: no replica in time"]);
      await load.removeKeys(cluster.node(after));
      expect(await keys()).toEqual([]);
    } finally {
      await load.stop();
    }
  });
});
