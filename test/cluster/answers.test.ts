import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askRedis, askSentinels, quorumMaster } from "../../cluster/answers.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";

describe("asking real servers and Sentinels", { timeout: 30_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17000 });
  }, 30_000);
  afterAll(() => cluster?.end());

  it("tells master, replicas and whom each Sentinel names", async () => {
    const { nodes, masterName } = cluster.inventory;
    const redis = await askRedis(nodes);
    expect(redis.map(({ state }) => state?.role)).toEqual(["master", "replica", "replica"]);
    expect(redis.map(({ state }) => state?.pid)).toEqual(nodes.map(({ name }) => cluster.pid(`${name}/redis`)));
    expect(redis[0]?.state).toMatchObject({
      goodReplicas: 2,
      loading: false,
      version: expect.stringMatching(/^\d/) as string,
    });
    expect(redis[0]?.state?.replicas.map(({ port, state }) => [port, state]).sort()).toEqual([
      [17001, "online"],
      [17002, "online"],
    ]);
    expect(redis[1]?.state).toMatchObject({
      master: { address: "127.0.0.1", port: 17000 },
      link: "up",
      syncing: false,
    });

    const sentinels = await askSentinels(nodes, masterName);
    for (const { node, state } of sentinels) {
      expect(state).toMatchObject({
        master: { address: "127.0.0.1", port: 17000 },
        flags: "master",
        configEpoch: 0,
        quorum: 2,
        downAfterMs: 60_000,
        failoverTimeoutMs: 10_000,
        parallelSyncs: 1,
        pid: cluster.pid(`${node.name}/sentinel`),
      });
      expect(state?.sentinels.map(({ port }) => port).sort()).toEqual(
        [17005, 17006, 17007].filter((port) => port !== node.sentinelPort),
      );
      expect(state?.replicas.map(({ port }) => port).sort()).toEqual([17001, 17002]);
    }
    expect(quorumMaster(sentinels, 2, nodes)?.name).toBe("redis-a");
  });

  it("tells a server that is down from one that hangs, within one time-out for all of them", async () => {
    const { nodes, masterName } = cluster.inventory;
    cluster.hang("redis-b/redis");
    cluster.hang("redis-a/sentinel");
    await cluster.stop("redis-c/redis");
    await cluster.stop("redis-c/sentinel");
    try {
      const begin = performance.now();
      const [redis, sentinels] = await Promise.all([askRedis(nodes, 500), askSentinels(nodes, masterName, 500)]);
      expect(performance.now() - begin).toBeLessThan(950);
      expect(redis.map(({ error }) => error)).toEqual([
        undefined,
        "127.0.0.1:17001: no answer in time",
        "127.0.0.1:17002: connection refused",
      ]);
      expect(sentinels.map(({ error }) => error)).toEqual([
        "127.0.0.1:17005: no answer in time",
        undefined,
        "127.0.0.1:17007: connection refused",
      ]);
      expect(quorumMaster(sentinels, 2, nodes)).toBeUndefined();
      expect(quorumMaster(sentinels, 1, nodes)?.name).toBe("redis-a");
    } finally {
      cluster.resume("redis-b/redis");
      cluster.resume("redis-a/sentinel");
      await cluster.startProcess("redis-c/redis");
      await cluster.startProcess("redis-c/sentinel");
    }
    await cluster.settled();
  });

  it("reports a Sentinel that does not watch the cluster as one that knows nothing", async () => {
    const [answer] = await askSentinels(cluster.inventory.nodes, "another-name");
    expect(answer?.error).toContain("No such master");
  });
});
