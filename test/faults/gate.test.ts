import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OVERRIDE } from "../../agent/override.ts";
import { waitFor } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** What keeps a restart from taking the last copy, or the last voter, away. Each test leaves a whole cluster behind. */
describe.sequential("the gate before a restart", () => {
  let cluster: AppliedCluster;
  let count = 16;

  /** What takes a restart of this node, another each time. */
  const restarting = (node: string): NodeSpec => {
    const spec = cluster.spec(node);
    const text = spec.files["redis.conf"]?.replace("databases 16", `databases ${++count}`) ?? "";
    return { ...spec, files: { ...spec.files, "redis.conf": text } };
  };
  /** Ends a node's agent and one of its servers while `use` runs. */
  const without = async (node: string, server: "redis" | "sentinel", use: () => Promise<void>): Promise<void> => {
    cluster.kill(node, "agent", server);
    try {
      await use();
    } finally {
      await cluster.apply(node);
    }
    await cluster.verified();
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17480));
  });
  afterAll(() => cluster?.remove());

  it("refuses while the only other replica is down; says why, and what repairs it", async () => {
    const [node, other] = await cluster.replicas();
    await without(other, "redis", async () => {
      const pid = cluster.pid(node, "redis");
      const { code, all } = await cluster.applySpec(restarting(node));
      expect(code, all).toBe(1);
      expect(all).toContain(
        `refused: restarting ${node} now would leave no in-sync replica (${other}: connection refused). ` +
          `Repair ${other} first: npx redis-ha converge --env local --zone ${other.replace("redis-", "")}`,
      );
      expect(cluster.pid(node, "redis")).toBe(pid);
      // The command that it names repairs it, and then the same apply is let through.
      const repaired = await cluster.redisHa("converge", "--zone", other.replace("redis-", ""));
      expect(repaired.code, repaired.all).toBe(0);
      await cluster.apply(node);
    });
    const { code, all } = await cluster.applySpec(restarting(node));
    expect(code, all).toBe(0);
  });

  it("names how long a replica's link has been down", async () => {
    const [node, other] = await cluster.replicas();
    const password = (await cluster.configValue(other, "masterauth")) ?? "";
    // It cannot log in to its master with this, and so stays without a link.
    await withConnection(cluster.endpoint(other), (redis) => redis.config("SET", "masterauth", "nobody's"));
    await withConnection(cluster.endpoint(await cluster.cluster.master()), (redis) =>
      redis.call("CLIENT", "KILL", "TYPE", "replica"),
    );
    try {
      await waitFor(
        "the link is down",
        async () => (await cluster.cluster.state(other))?.link === "down" || undefined,
        5000,
      );
      const { code, all } = await cluster.applySpec(restarting(node));
      expect(code, all).toBe(1);
      expect(all).toMatch(
        new RegExp(`would leave no in-sync replica \\(${other}: link down for 1\\d s\\)\\. Repair ${other}`),
      );
    } finally {
      await withConnection(cluster.endpoint(other), (redis) => redis.config("SET", "masterauth", password));
      await cluster.master();
      await cluster.apply(node);
    }
    await cluster.verified();
  });

  it("can be overridden, which is told", async () => {
    const [node, other] = await cluster.replicas();
    await without(other, "redis", async () => {
      const pid = cluster.pid(node, "redis");
      const { code, all } = await cluster.applySpec(restarting(node), { [OVERRIDE]: "1" });
      expect(code, all).toBe(0);
      expect(all).toContain(`${OVERRIDE}=1: going on although restarting ${node} now would leave no in-sync replica`);
      expect(cluster.pid(node, "redis")).not.toBe(pid);
    });
  });

  it("refuses to restart a Sentinel without which there are too few", async () => {
    const [node, other] = await cluster.replicas();
    await without(other, "sentinel", async () => {
      const spec = cluster.spec(node);
      const text = `${spec.files["sentinel.conf"]}loglevel verbose\n`;
      const { code, all } = await cluster.applySpec({ ...spec, files: { ...spec.files, "sentinel.conf": text } });
      expect(code, all).toBe(1);
      expect(all).toContain(
        `refused: restarting the Sentinel of ${node} now would leave nobody to fail over ` +
          `(1 of 3 Sentinels would answer, 2 are needed). Repair ${other} first: npx redis-ha converge --env local --zone`,
      );
    });
    await cluster.apply(node);
    await cluster.verified();
  });

  it("waits for a replica that is just receiving a full copy", async () => {
    const master = await cluster.master();
    const [node, other] = await cluster.replicas();
    const load = await cluster.underLoad(async () => {
      // A replica that has written something of its own gets a full copy; the master waits 2 s before it sends one.
      await withConnection(cluster.endpoint(master), (redis) => redis.config("SET", "repl-diskless-sync-delay", "2"));
      try {
        const { address, port } = cluster.endpoint(master);
        await withConnection(cluster.endpoint(other), async (redis) => {
          await redis.config("SET", "min-replicas-to-write", "0");
          await redis.replicaof("NO", "ONE");
          await redis.set("of-its-own", "1");
          await redis.replicaof(address, port);
          await redis.config("SET", "min-replicas-to-write", "1");
        });
        const started = performance.now();
        const { code, all } = await cluster.applySpec(restarting(node));
        expect(code, all).toBe(0);
        expect(performance.now() - started).toBeGreaterThan(1000);
        expect((await cluster.cluster.state(other))?.link).toBe("up");
      } finally {
        await withConnection(cluster.endpoint(master), (redis) => redis.config("SET", "repl-diskless-sync-delay", "0"));
      }
    });
    expectNothingLost(load);
    await cluster.verified();
  });

  it("lets one apply after the other through when two come at once", async () => {
    const [node, other] = await cluster.replicas();
    const load = await cluster.underLoad(async () => {
      const runs = await Promise.all([node, other].map((each) => cluster.applySpec(restarting(each))));
      for (const { code, all } of runs) expect(code, all).toBe(0);
      expect(runs.map(({ all }) => all).join("\n")).toMatch(
        /waiting: apply-of-redis-\S+ changes this cluster just now/,
      );
    });
    expectNothingLost(load);
    await cluster.verified();
  });
});
