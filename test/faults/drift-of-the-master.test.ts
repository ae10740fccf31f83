import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withConnection } from "../../cluster/connection.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** What somebody changed on the master itself, mended by converge while clients write. */
describe.sequential("drift of the master", () => {
  let cluster: AppliedCluster;

  const converge = async (expected: RegExp): Promise<void> => {
    const master = await cluster.master();
    const pid = cluster.pid(master, "redis");
    const load = await cluster.underLoad(async () => {
      const { code, all } = await cluster.redisHa("converge");
      expect(code, all).toBe(0);
      expect(all).toMatch(expected);
    });
    expectNothingLost(load);
    expect(load.longestGapMs).toBeLessThan(1000);
    expect(await cluster.master()).toBe(master);
    expect(cluster.pid(master, "redis")).toBe(pid);
    await cluster.verified();
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17560));
  });
  afterAll(() => cluster?.remove());

  it("somebody's CONFIG SET", async () => {
    const master = await cluster.master();
    await withConnection(cluster.endpoint(master), (redis) =>
      redis.config("SET", "maxmemory-policy", "allkeys-lru", "min-replicas-to-write", "0"),
    );
    await converge(new RegExp(`${master}: .*maxmemory-policy set to noeviction`));
    expect(await cluster.configValue(master, "min-replicas-to-write")).toBe("1");
  });

  it.each(["edited", "lost"] as const)("a redis.conf that was %s", async (how) => {
    const master = await cluster.master();
    const file = cluster.folder(master).redisConf;
    const text = fs.readFileSync(file, "utf8");
    if (how === "lost") fs.rmSync(file);
    else fs.writeFileSync(file, text.replace("maxmemory-policy noeviction", "maxmemory-policy allkeys-lru"));
    await converge(new RegExp(`${master}: redis\\.conf ${how === "lost" ? "written" : "changed"}`));
    expect(fs.readFileSync(file, "utf8")).toBe(text);
  });

  it.each(["edited", "lost"] as const)("a sentinel.conf that was %s", async (how) => {
    const master = await cluster.master();
    const file = cluster.folder(master).sentinelConf;
    const text = fs.readFileSync(file, "utf8");
    if (how === "lost") fs.rmSync(file);
    else fs.writeFileSync(file, `${text}loglevel verbose\n`);
    await converge(new RegExp(`${master}: sentinel\\.conf ${how === "lost" ? "written" : "changed"}`));
    expect(fs.readFileSync(file, "utf8")).toBe(text);
  });
});
