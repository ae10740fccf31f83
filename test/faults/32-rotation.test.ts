import fs from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appliedSpec } from "../../agent/node-folder.ts";
import { waitFor } from "../../agent/processes.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import type { ClientLogins } from "../../secrets/logins.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** The longest that a replica's link may be down, in milliseconds. */
const LINK_DOWN_MS = 1000;

/** Passwords and certificates are replaced while clients write. Each test leaves a whole cluster behind. */
describe.sequential("32: secrets are replaced", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17940));
  });
  afterAll(() => cluster?.remove());

  const pids = (...names: ("redis" | "sentinel" | "agent")[]): number[] =>
    cluster.cluster.names.flatMap((node) => names.map((name) => cluster.pid(node, name)));
  const rotate = async (...flags: string[]): Promise<void> => {
    const { code, all } = await cluster.redisHa("secrets", "rotate", ...flags);
    expect(code, all).toBe(0);
  };
  const letsIn = async (logins: ClientLogins): Promise<boolean> => {
    const { address: host, port } = cluster.endpoint(await cluster.master());
    const redis = new Redis({
      host,
      port,
      ...directLoginOf("master", logins),
      lazyConnect: true,
      retryStrategy: null,
    });
    redis.on("error", () => undefined);
    return redis
      .connect()
      .then(() => redis.get("x"))
      .then(
        () => true,
        () => false,
      )
      .finally(() => redis.disconnect());
  };
  /** The next passwords are made, and the nodes are being told. */
  const underWay = (): Promise<unknown> => {
    const next = path.join(cluster.checkout.store("local"), "users", "app.next");
    return waitFor("the rotation is under way", () => fs.existsSync(next) || undefined, 20_000, 5);
  };

  it("all passwords, then the previous ones are refused: no process is restarted, no link breaks, nothing is lost", async () => {
    const before = pids("redis", "sentinel", "agent");
    const former = cluster.cluster.logins;
    let down = 0;
    const load = await cluster.underLoad(async () => {
      down = await cluster.cluster.longestLinkDown(() => rotate());
      expect(cluster.cluster.logins.passwords.app).not.toBe(former.passwords.app);
      expect([await letsIn(former), await letsIn(cluster.cluster.logins)]).toEqual([true, true]);
      await rotate();
      await rotate("--finish");
    });
    console.log(
      `passwords: ${Math.round(load.longestGapMs)} ms without writes, a link down for ${Math.round(down)} ms`,
    );
    expectNothingLost(load);
    expect(down).toBeLessThan(LINK_DOWN_MS);
    expect([await letsIn(former), await letsIn(cluster.cluster.logins)]).toEqual([false, true]);
    expect(pids("redis", "sentinel", "agent")).toEqual(before);
    await cluster.verified();
    // With the present ones everything that a failover needs goes on.
    await cluster.crash(await cluster.master(), "redis", "agent");
    for (const node of cluster.cluster.names) await cluster.apply(node);
    await cluster.verified();
  });

  it("a failover in the middle, once the servers and once the operator: nothing is lost", async () => {
    for (const failover of [
      async () => cluster.crash(await cluster.cluster.master(), "redis"),
      async () => expect((await cluster.redisHa("failover")).code).toBe(0),
    ]) {
      const load = await cluster.underLoad(async () => {
        await Promise.all([rotate(), underWay().then(failover)]);
        await cluster.verified();
      });
      expectNothingLost(load);
      await rotate("--finish");
      await cluster.verified();
    }
  });

  it("killed at any point, the next run goes on", async () => {
    const program = path.join(cluster.checkout.root, "cdktf.out", "redis-ha.cjs");
    const load = await cluster.underLoad(async () => {
      for (const ms of [600, 1000, 1400, 1900, 2400]) {
        const node = JSON.stringify(process.execPath);
        await cluster.checkout.run("sh", [
          "-c",
          `timeout -s KILL ${ms / 1000} ${node} ${program} secrets rotate; true`,
        ]);
        await cluster.master();
      }
      await rotate();
      await rotate("--finish");
    });
    expectNothingLost(load);
    await cluster.verified();
  });

  it("every node's certificate: the servers go on, one Sentinel is restarted after the other, nothing is lost", async () => {
    const store = cluster.checkout.store("local");
    const certificate = (node: string): string => path.join(store, "tls", "nodes", `${node}.crt`);
    const [redis, sentinels] = [pids("redis"), pids("sentinel")];
    const former = cluster.cluster.names.map((node) => fs.readFileSync(certificate(node), "utf8"));
    const load = await cluster.underLoad(async () => {
      for (const node of cluster.cluster.names) fs.rmSync(certificate(node));
      const { code, all } = await cluster.redisHa("converge");
      expect(code, all).toBe(0);
    });
    expectNothingLost(load);
    expect(cluster.cluster.names.map((node) => fs.readFileSync(certificate(node), "utf8"))).not.toEqual(former);
    expect(pids("redis")).toEqual(redis);
    for (const pid of pids("sentinel")) expect(sentinels).not.toContain(pid);
    // Among them, that each server shows the certificate that its node was given.
    await cluster.verified();
    expect(appliedSpec(cluster.folder("redis-a"))?.tls).toBe(true);
  });
});
