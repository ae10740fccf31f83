import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { Cluster } from "../support/cluster.ts";

const base = 17520;
const data = (index: number, letter: string) => ({
  name: `redis-${letter}`,
  port: base + index,
  sentinelPort: base + 10 + index,
});
const environment = (zones: EnvironmentInput["zones"]): EnvironmentInput => ({
  name: "local",
  target: { kind: "local" },
  zones,
  settings: { maxMemoryMb: 100 },
});
const witness = { name: "witness-c", runs: ["sentinel" as const], sentinelPort: base + 13 };
const two = environment({
  a: { nodes: [data(1, "a")] },
  b: { nodes: [data(2, "b")] },
  c: { nodes: [witness] },
  d: { nodes: [] },
  e: { nodes: [] },
});
/** A third data node, and two more Sentinels, so that the quorum grows too. */
const three = environment({
  ...two.zones,
  d: { nodes: [data(4, "d")] },
  e: { nodes: [{ name: "witness-e", runs: ["sentinel"], sentinelPort: base + 15 }] },
});

/** Data nodes come and go under load. The steps build on each other. */
describe.sequential("membership under load", () => {
  let cluster: AppliedCluster;

  /** Applies an environment while a client writes. */
  const become = async (next: EnvironmentInput): Promise<void> => {
    cluster.checkout.describe(next);
    const load = await cluster.underLoad(async () => {
      const { code, all } = await cluster.checkout.start();
      expect(code, all.slice(-3000)).toBe(0);
      cluster.cluster = new Cluster(next, () => cluster.checkout);
    });
    console.log(`${cluster.cluster.names.length} nodes: ${Math.round(load.longestGapMs)} ms without writes`);
    expectNothingLost(load);
    expect(load.longestGapMs).toBeLessThan(1500);
    await cluster.verified();
  };
  const quorums = async (): Promise<(number | undefined)[]> =>
    (await cluster.sentinels()).map(({ state }) => state?.quorum);
  const minReplicas = (): Promise<(string | undefined)[]> =>
    Promise.all(
      cluster.cluster.topology.nodes
        .filter(({ redisPort }) => redisPort !== undefined)
        .map(({ name }) => cluster.configValue(name, "min-replicas-to-write")),
    );

  beforeAll(async () => {
    cluster = await AppliedCluster.start(two, "terraform");
  });
  afterAll(() => cluster?.remove());

  it("a pair has a quorum of 2 and writes without its replica", async () => {
    expect(await quorums()).toEqual([2, 2, 2]);
    expect(await minReplicas()).toEqual(["0", "0"]);
  });

  it("a third data node and two Sentinels more: the quorum follows, and a write wants a replica in step", async () => {
    await become(three);
    expect(await quorums()).toEqual([3, 3, 3, 3, 3]);
    expect(await minReplicas()).toEqual(["1", "1", "1"]);
    expect((await cluster.sentinels()).map(({ state }) => state?.sentinels.length)).toEqual([4, 4, 4, 4, 4]);
  });

  it("back again, with the master on the node that goes", async () => {
    const { code, all } = await cluster.redisHa("failover", "--to", "redis-d");
    expect(code, all).toBe(0);
    await become(two);
    expect(await quorums()).toEqual([2, 2, 2]);
    expect(await minReplicas()).toEqual(["0", "0"]);
    expect(await isListening({ address: "127.0.0.1", port: base + 4 })).toBe(false);
    for (const { state } of await cluster.sentinels()) {
      expect(state?.replicas).toHaveLength(1);
      expect(state?.sentinels).toHaveLength(2);
    }
  });
});
