import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withConnection } from "../../cluster/connection.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { type Ran, threeNodes } from "../support/checkout.ts";

const base = 17440;
const environment = (databases: number) => threeNodes("local", base, { redisConf: { databases: String(databases) } });

/** Changes of the configuration that need restarts, good ones and bad ones, under load. The steps build on each other. */
describe.sequential("14: a change of the configuration", () => {
  let cluster: AppliedCluster;

  const nodes = (): string[] => cluster.cluster.names;
  const databases = (): Promise<(string | undefined)[]> =>
    Promise.all(nodes().map((node) => cluster.configValue(node, "databases")));
  const pids = (server: "redis" | "sentinel"): number[] => nodes().map((node) => cluster.pid(node, server));
  /** The environment with so many databases applied to every zone by one of the two drivers. */
  const applied = async (driver: "cdktf" | "terragrunt", count: number): Promise<void> => {
    const { checkout } = cluster;
    checkout.describe(environment(count));
    const run = ["run-all", "apply", "--non-interactive", "-auto-approve"];
    const { code, all } = await (driver === "cdktf" ? checkout.start() : checkout.terragrunt("local", ...run));
    expect(code, all.slice(-3000)).toBe(0);
  };
  const changed = (
    spec: NodeSpec,
    file: "redis.conf" | "sentinel.conf",
    change: (text: string) => string,
  ): NodeSpec => ({
    ...spec,
    files: { ...spec.files, [file]: change(spec.files[file] ?? "") },
  });
  const filesOf = (node: string): unknown[] => {
    const { redisConf, sentinelConf, spec } = cluster.folder(node);
    const [redis, sentinel, json = ""] = [redisConf, sentinelConf, spec].map((file) => fs.readFileSync(file, "utf8"));
    // Terraform sorts the keys of what it is given, and a rollback does not.
    return [redis, sentinel, JSON.parse(json)];
  };
  /** Applies to one node what cannot work, under load. Everything must be as before. */
  const refused = async (spec: NodeSpec): Promise<Ran> => {
    const before = filesOf(spec.node.name);
    let ran: Ran | undefined;
    const load = await cluster.underLoad(async () => {
      ran = await cluster.applySpec(spec);
    });
    expectNothingLost(load);
    expect(ran?.code, ran?.all).toBe(1);
    expect(filesOf(spec.node.name)).toEqual(before);
    await cluster.verified();
    return ran as Ran;
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(environment(16), "terraform");
  });
  afterAll(() => cluster?.remove());

  it.each([
    ["cdktf", 20],
    ["terragrunt", 24],
  ] as const)(
    "a setting that needs restarts is brought to all zones by %s with one change of master",
    async (driver, count) => {
      // The zones are applied in order: a role that is passed on goes to the node that has changed already.
      if ((await cluster.master()) !== "redis-b") {
        const { code, all } = await cluster.redisHa("failover", "--to", "redis-b");
        expect(code, all).toBe(0);
      }
      const before = pids("redis");
      let changes: string[] = [];
      const load = await cluster.underLoad(async () => {
        changes = await cluster.masterChanges(() => applied(driver, count));
      });
      console.log(`${driver}: ${Math.round(load.longestGapMs)} ms without writes, ${load.acknowledged} acknowledged`);
      expectNothingLost(load);
      expect(load.longestGapMs).toBeLessThan(1500);
      expect(changes).toEqual(["redis-a"]);
      expect(await databases()).toEqual([count, count, count].map(String));
      for (const pid of before) expect(pids("redis")).not.toContain(pid);
      await cluster.verified();
    },
  );

  it("a value that the server refuses while it runs changes nothing, neither on disk nor in memory", async () => {
    const master = await cluster.master();
    const spec = changed(cluster.spec(master), "redis.conf", (text) =>
      text.replace("slowlog-max-len 512", "slowlog-max-len nonsense").replace("tcp-keepalive 60", "tcp-keepalive 61"),
    );
    const { all } = await refused(spec);
    expect(all).toContain(`${master}: redis-server refuses slowlog-max-len nonsense: `);
    expect(all).toContain("Nothing was changed; correct it in environments/local.ts and apply again");
    expect(await cluster.configValue(master, "tcp-keepalive")).toBe("60");
    expect(await cluster.master()).toBe(master);
  });

  it.each([
    ["a value with which it does not start", "databases 24", "databases 0", "'databases 0'"],
    ["a key that it does not know", "databases 24", "databases 24\nno-such-key 1", "'no-such-key 1'"],
  ])("a server with %s gets its previous configuration back", async (_, before, after, line) => {
    const master = await cluster.master();
    const { all } = await refused(changed(cluster.spec(master), "redis.conf", (text) => text.replace(before, after)));
    expect(all).toContain(`${master}: redis does not start with its new configuration, so the previous one is back.`);
    expect(all).toContain("FATAL CONFIG FILE ERROR");
    expect(all).toContain(line);
    expect(await cluster.configValue(master, "databases")).toBe("24");
    expect(await withConnection(cluster.endpoint(master), (redis) => redis.ping())).toBe("PONG");
  });

  it("a Sentinel with a line with which it does not start gets its previous configuration back", async () => {
    const master = await cluster.master();
    const line = "sentinel no-such-thing redis-ha-local 1";
    const { all } = await refused(changed(cluster.spec(master), "sentinel.conf", (text) => `${text}${line}\n`));
    expect(all).toContain(
      `${master}: sentinel does not start with its new configuration, so the previous one is back.`,
    );
    expect(all).toContain(line);
    expect(await cluster.master()).toBe(master);
  });

  it.each([
    ["redis.conf", 'slowlog-max-len "512', "'slowlog-max-len \"512'"],
    ["sentinel.conf", "sentinel announce-ip", "sentinel announce-ip"],
  ] as const)("a %s that cannot be read is refused before anything is touched", async (file, line, shown) => {
    const master = await cluster.master();
    const before = [pids("redis"), pids("sentinel")];
    const { all } = await refused(changed(cluster.spec(master), file, (text) => `${text}${line}\n`));
    expect(all).toContain(`${master}: ${file}: line `);
    expect(all).toContain(shown.replaceAll("'", ""));
    expect(all).toContain("Nothing was changed");
    expect([pids("redis"), pids("sentinel")]).toEqual(before);
  });
});
