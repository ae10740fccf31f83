import fs from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkTitles } from "../../cluster/verify.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";
import { drillSchema, inventorySchema, statusSchema, verifySchema } from "./documents.ts";
import { bash, redisHa } from "./run-cli.ts";

const docs = await fs.readFile(new URL("../../docs/json.md", import.meta.url), "utf8");

describe("redis-ha status and verify, on one master, one replica and a witness", { timeout: 40_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17060, shape: "pair" });
  }, 40_000);
  afterAll(() => cluster?.end());
  const run = (...args: string[]): ReturnType<typeof redisHa> => redisHa(cluster.root, args);

  it("status --json keeps its contract on a healthy cluster", async () => {
    const ran = await run("status", "--json");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const document = statusSchema.parse(JSON.parse(ran.stdout));
    expect(document).toMatchObject({
      environment: "local",
      masterName: "test-local",
      healthy: true,
      summary: "redis-a is master, 1 replica follows, 3 Sentinels agree",
      master: "redis-a",
    });
    const [master, replica, witness] = document.nodes;
    const agrees = { names: "redis-a", epoch: 0, flags: "master", error: null };
    expect(master).toMatchObject({
      name: "redis-a",
      kind: "data",
      port: 17060,
      sentinelPort: 17065,
      role: "master",
      pid: cluster.pid("redis-a/redis"),
      lagBytes: null,
      link: null,
      masterNode: null,
      sentinel: { ...agrees, pid: cluster.pid("redis-a/sentinel") },
    });
    expect(replica).toMatchObject({
      role: "replica",
      link: "up",
      masterNode: "redis-a",
      syncing: false,
      sentinel: agrees,
    });
    expect(replica?.lagSeconds).toBeLessThanOrEqual(2);
    expect(witness).toMatchObject({
      kind: "witness",
      port: null,
      role: null,
      pid: null,
      error: null,
      sentinel: agrees,
    });
  });

  it("status shows people a sentence and a table, without colours in a pipe", async () => {
    const { code, stdout } = await run("status");
    expect(code).toBe(0);
    expect(stdout).toContain("redis-a is master, 1 replica follows, 3 Sentinels agree");
    expect(stdout).toMatch(
      /redis-b +│ b +│ replica +│ 127.0.0.1:17061 +│ \d+ +│ \d+ +│ \d+ B, \d s │ up to redis-a │ redis-a/,
    );
    expect(stdout).toMatch(/witness-c +│ c +│ witness +│ 127.0.0.1:17067/);
    expect(stdout).not.toContain("\u001b");
  });

  it("colours only for a terminal that wants them", async () => {
    const terminal = (before: string): string => `${before} script -qec 'redis-ha status' /dev/null`;
    const exported = `export -f redis-ha; `;
    expect((await bash(cluster.root, exported + terminal("TERM=xterm"))).stdout).toContain("\u001b[");
    expect((await bash(cluster.root, exported + terminal("TERM=xterm NO_COLOR=1"))).stdout).not.toContain("\u001b[");
  });

  it("verify holds, prints a line a check, and keeps its contract", async () => {
    const text = await run("verify");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    for (const title of Object.values(checkTitles)) expect(text.stdout).toContain(`ok      ${title}`);
    expect(text.stdout).toMatch(/local holds: \d+ checks$/);
    const json = await run("verify", "--json");
    expect(json).toMatchObject({ code: 0, stderr: "" });
    expect(verifySchema.parse(JSON.parse(json.stdout)).holds).toBe(true);
  });

  it("goes on when nobody reads, and keeps its exit code", async () => {
    for (const command of ["status", "status --json", "verify", "verify --json", "connect --ioredis", "--help"]) {
      const ran = await bash(cluster.root, `redis-ha ${command} | true; echo "\${PIPESTATUS[0]}"`);
      expect(ran, command).toMatchObject({ stdout: "0", stderr: "" });
    }
    expect((await bash(cluster.root, "redis-ha status | head -1")).code).toBe(0);
  });

  it("says what is wrong with code 1 while the replica and a Sentinel are down", async () => {
    await cluster.stop("redis-b/redis");
    await cluster.stop("witness-c/sentinel");
    const status = await run("status", "--json");
    expect(status.code).toBe(1);
    const document = statusSchema.parse(JSON.parse(status.stdout));
    expect(document).toMatchObject({ healthy: false, master: "redis-a" });
    expect(document.summary).toContain("redis-b does not answer (connection refused)");
    expect(document.nodes[1]).toMatchObject({ role: null, pid: null, error: "127.0.0.1:17061: connection refused" });
    expect(document.nodes[2]?.sentinel).toEqual({
      names: null,
      epoch: null,
      flags: null,
      pid: null,
      error: "127.0.0.1:17067: connection refused",
    });
    expect((await run("status")).code).toBe(1);

    const verify = await run("verify", "--json");
    expect(verify.code).toBe(1);
    const { holds, checks } = verifySchema.parse(JSON.parse(verify.stdout));
    expect(holds).toBe(false);
    expect(checks.filter((each) => !each.holds).map(({ id, node }) => [id, node])).toEqual([
      ["redis-reachable", "redis-b"],
      ["sentinel-reachable", "witness-c"],
    ]);
    const text = await run("verify");
    expect(text.code).toBe(1);
    expect(text.stdout).toContain("not ok  every server answers (redis-reachable)");
    expect(text.stdout).toContain("-> npx redis-ha converge --env local");
    expect(text.stdout).toMatch(/local does not hold: 2 of \d+ checks$/);
  });

  it("verify --wait gives up when the time is over, and not before", async () => {
    const begin = performance.now();
    const ran = await run("verify", "--wait", "2");
    expect(ran.code).toBe(1);
    expect(performance.now() - begin).toBeGreaterThan(2000);
    expect(ran.stderr).toBe(
      "waiting, 2 checks do not hold: redis-b does not answer at 127.0.0.1:17061: connection refused",
    );
  });

  it("verify --wait ends as soon as everything holds", async () => {
    const begin = performance.now();
    const waiting = run("verify", "--wait", "30", "--json");
    await cluster.startProcess("redis-b/redis");
    await cluster.startProcess("witness-c/sentinel");
    const ran = await waiting;
    expect(ran.code).toBe(0);
    expect(verifySchema.parse(JSON.parse(ran.stdout)).holds).toBe(true);
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});

describe("docs/json.md", () => {
  const keys = (schema: { shape: Record<string, unknown> }): string[] => Object.keys(schema.shape);
  const status = statusSchema.shape.nodes.element;
  const [writer, reader] = [drillSchema.shape.writers.element, drillSchema.shape.readers.element];
  it.each<[string, string[]]>([
    ["status --json", [...keys(statusSchema), ...keys(status), ...keys(status.shape.sentinel.unwrap())]],
    ["inventory --json", [...keys(inventorySchema), ...keys(inventorySchema.shape.nodes.element)]],
    ["drill --json", [...new Set([...keys(drillSchema), ...keys(writer), ...keys(reader)])]],
    ["verify --json", [...keys(verifySchema), ...keys(verifySchema.shape.checks.element), ...Object.keys(checkTitles)]],
  ])("describes every field of %s, and nothing else", (command, names) => {
    const section = docs.split("\n## ").find((text) => text.startsWith(`\`redis-ha ${command}\``)) ?? "";
    const described = [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name);
    expect(described.sort()).toEqual(names.sort());
  });
});
