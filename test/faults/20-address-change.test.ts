import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { Cluster } from "../support/cluster.ts";

const base = 17720;
type Ports = readonly [number, number, number];
const letters = ["a", "b", "c"] as const;

/** @param redis the last digits of the servers' ports @param sentinel the same of the Sentinels */
const at = (redis: Ports, sentinel: Ports): EnvironmentInput => ({
  name: "local",
  target: { kind: "local" },
  zones: Object.fromEntries(
    letters.map((letter, index) => [
      letter,
      {
        nodes: [
          {
            name: `redis-${letter}`,
            port: base + (redis[index] as number),
            sentinelPort: base + (sentinel[index] as number),
          },
        ],
      },
    ]),
  ),
  settings: { maxMemoryMb: 100 },
});

/** On this computer an address is a port: nodes get other ones, by an edit of the description, under load. */
describe.sequential("20: addresses change", { timeout: 300_000 }, () => {
  let cluster: AppliedCluster;
  let redis: Ports = [1, 2, 3];
  let sentinel: Ports = [11, 12, 13];

  const apply = async (): Promise<string> => {
    const { code, all } = await cluster.checkout.start();
    expect(code, all.slice(-3000)).toBe(0);
    return all;
  };
  /** The ports that a Sentinel knows of servers, or of other Sentinels. */
  const known = async (node: string, what: "REPLICAS" | "SENTINELS"): Promise<number[]> => {
    const { masterName } = cluster.cluster.topology;
    const entries = (await cluster.sentinel(node, "SENTINEL", what, masterName)) as string[][];
    return entries.map((fields) => Number(fields[fields.indexOf("port") + 1]) - base);
  };
  const moved = async (toRedis: Ports, toSentinel: Ports): Promise<void> => {
    const former = [...redis, ...sentinel];
    const keys = await keysOf(await cluster.master());
    const load = await cluster.underLoad(async () => {
      [redis, sentinel] = [toRedis, toSentinel];
      const described = at(redis, sentinel);
      cluster.checkout.describe(described);
      await apply();
      cluster.cluster = new Cluster(described, () => cluster.checkout);
      await cluster.verified();
    });
    console.log(`${Math.round(load.longestGapMs)} ms without writes, ${load.acknowledged} acknowledged`);
    expectNothingLost(load);
    expect(await keysOf(await cluster.master())).toBeGreaterThanOrEqual(keys);
    await expectNoGhosts();
    for (const port of former.filter((each) => ![...redis, ...sentinel].includes(each))) {
      expect(await isListening({ address: "127.0.0.1", port: base + port }), `port ${base + port}`).toBe(false);
    }
    const pids = cluster.cluster.names.map((node) => cluster.pid(node, "redis"));
    expect(await apply()).toContain("Nothing to change: the cluster is as described.");
    expect(cluster.cluster.names.map((node) => cluster.pid(node, "redis"))).toEqual(pids);
  };
  const expectNoGhosts = async (): Promise<void> => {
    const masterPort = cluster.endpoint(await cluster.master()).port - base;
    for (const node of cluster.cluster.names) {
      const index = letters.findIndex((letter) => node.endsWith(letter));
      expect((await known(node, "REPLICAS")).sort()).toEqual(redis.filter((port) => port !== masterPort).sort());
      expect((await known(node, "SENTINELS")).sort()).toEqual(sentinel.filter((_, each) => each !== index).sort());
    }
  };
  const keysOf = (node: string): Promise<number> => withConnection(cluster.endpoint(node), (it) => it.dbsize());
  const withPort = (node: string, port: number): Ports =>
    redis.map((each, index) => (node.endsWith(letters[index] as string) ? port : each)) as unknown as Ports;

  beforeAll(async () => {
    cluster = await AppliedCluster.start(at(redis, sentinel), "terraform");
  });
  afterAll(() => cluster?.remove());

  it("of a replica", async () => {
    const [replica] = await cluster.replicas();
    await moved(withPort(replica, 4), sentinel);
  });

  it("of the master", async () => {
    await moved(withPort(await cluster.master(), 5), sentinel);
  });

  it("of every Sentinel, one after the other", async () => {
    for (const index of [0, 1, 2]) {
      await moved(redis, sentinel.map((each, other) => (other === index ? each + 10 : each)) as unknown as Ports);
    }
  });

  it("of everything at once, while it runs: refused before anything is touched", async () => {
    const before = cluster.cluster.names.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
    const load = await cluster.underLoad(async () => {
      cluster.checkout.describe(at([1, 2, 3], [11, 12, 13]));
      expect((await cluster.checkout.start()).code).toBe(1);
      // On a busy computer cdktf may lose the last words of a provisioner, so it is asked itself.
      const { code, all } = await cluster.checkout.host("retire", "local", "redis-a");
      expect(code).toBe(1);
      expect(all).toContain("redis-a gets another address, and so do redis-b and redis-c, which run");
      cluster.checkout.describe(at(redis, sentinel));
    });
    expectNothingLost(load);
    await apply();
    const after = cluster.cluster.names.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
    expect(after).toEqual(before);
    await cluster.verified();
  });

  it("of everything at once, while it is stopped: one master with all the data", async () => {
    // Not the first that is applied: the others have to know where it will be.
    if ((await cluster.master()) !== "redis-c") await cluster.redisHa("failover", "--to", "redis-c");
    const keys = await keysOf("redis-c");
    [redis, sentinel] = [
      [26, 27, 28],
      [36, 37, 38],
    ];
    const described = at(redis, sentinel);
    cluster.checkout.describe(described);
    const { code, all } = await cluster.checkout.stop();
    expect(code, all).toBe(0);
    cluster.cluster = new Cluster(described, () => cluster.checkout);
    await apply();
    await cluster.verified();
    // On a busy computer the stop may take so long that the Sentinels act in the middle of it.
    expect(await keysOf(await cluster.master())).toBe(keys);
    await expectNoGhosts();
  });
});
