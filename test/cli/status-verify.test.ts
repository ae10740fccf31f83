import { X509Certificate } from "node:crypto";
import fs from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { checkTitles } from "../../cluster/verify.ts";
import { authorityFile, authorityKey } from "../../secrets/authorities.ts";
import { certificateOf, keyOf } from "../../secrets/issued.ts";
import { openStore } from "../../secrets/open-store.ts";
import type { TlsSet } from "../../topology/node-secrets.ts";
import { opensslCertificate } from "../secrets/openssl.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";
import { drillSchema, inventorySchema, statusSchema, verifySchema } from "./documents.ts";
import { bash, redisHa } from "./run-cli.ts";

/** A certificate that another program has issued for a node of the fixture, with its key. */
async function shortLived(cluster: ClusterFixture, node: string, days: number): Promise<TlsSet> {
  const store = await openStore(cluster, cluster.root);
  const [authority = "", issuer = ""] = [await store.read(authorityFile), await store.read(authorityKey)];
  const names = [`subjectAltName=DNS:${node},DNS:localhost,IP:127.0.0.1`];
  const made = await opensslCertificate(node, names, { certificate: authority, key: issuer }, undefined, days);
  return { authority, ...made };
}

const isoDate = (certificate: string): string => new Date(new X509Certificate(certificate).validTo).toISOString();

const docs = await fs.readFile(new URL("../../docs/json.md", import.meta.url), "utf8");

describe("redis-ha status and verify, on one master, one replica and a witness", { timeout: 40_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17060, shape: "pair" });
  }, 40_000);
  afterAll(() => cluster?.end());
  const run = (...args: string[]): ReturnType<typeof redisHa> => redisHa(cluster.root, args);

  const stored = async (node: string): Promise<TlsSet> => {
    const store = await openStore(cluster, cluster.root);
    const [authority = "", certificate = "", key = ""] = await Promise.all(
      [authorityFile, certificateOf(node), keyOf(node)].map((name) => store.read(name)),
    );
    return { authority, certificate, key };
  };
  const storedUntil = async (node: string): Promise<string> => isoDate((await stored(node)).certificate);

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
      certificate: { validTo: await storedUntil("redis-a") },
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
      certificate: { validTo: await storedUntil("witness-c") },
    });
  });

  it("status shows people a sentence and a table, without colours in a pipe", async () => {
    const { code, stdout } = await run("status");
    expect(code).toBe(0);
    expect(stdout).toContain("redis-a is master, 1 replica follows, 3 Sentinels agree");
    expect(stdout).toMatch(
      /redis-b +│ b +│ replica +│ 127.0.0.1:17061 +│ \d+ +│ \d+ +│ \d+ B, \d s │ up to redis-a │ redis-a +│ 20\d\d-\d\d-\d\d +│/,
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
    for (const [id, title] of Object.entries(checkTitles))
      if (id === "client-certificate") expect(text.stdout).not.toContain(title);
      else expect(text.stdout).toContain(`ok      ${title}`);
    expect(text.stdout).toMatch(/local holds: \d+ checks$/);
    const json = await run("verify", "--json");
    expect(json).toMatchObject({ code: 0, stderr: "" });
    expect(verifySchema.parse(JSON.parse(json.stdout)).holds).toBe(true);
  });

  it("status shows until when the certificates are valid that the servers show, and marks what expires soon", async () => {
    onTestFinished(async () => {
      for (const node of ["redis-a", "redis-b"]) {
        await cluster.giveCertificate(node, await stored(node));
        await cluster.showCertificate(node);
      }
    });
    const until: Record<string, string> = {};
    for (const [node, days] of [
      ["redis-a", 30],
      ["redis-b", 10],
    ] as const) {
      const tls = await shortLived(cluster, node, days);
      until[node] = isoDate(tls.certificate);
      await cluster.giveCertificate(node, tls);
      // Before its server has it, the certificate is nothing that status shows.
      const document = statusSchema.parse(JSON.parse((await run("status", "--json")).stdout));
      expect(document.nodes.find(({ name }) => name === node)?.certificate).toEqual({
        validTo: await storedUntil(node),
      });
      await cluster.showCertificate(node);
    }
    const document = statusSchema.parse(JSON.parse((await run("status", "--json")).stdout));
    expect(document.healthy).toBe(true);
    expect(document.nodes.map(({ certificate }) => certificate?.validTo)).toEqual([
      until["redis-a"],
      until["redis-b"],
      await storedUntil("witness-c"),
    ]);
    const [yellow, red] = ["\u001b[33m", "\u001b[31m"];
    const { stdout } = await bash(
      cluster.root,
      "export -f redis-ha; TERM=xterm script -qec 'stty cols 250; redis-ha status' /dev/null",
    );
    expect(stdout).toContain(`${yellow}${until["redis-a"]?.slice(0, 10)}, in 29 days`);
    expect(stdout).toContain(`${red}${until["redis-b"]?.slice(0, 10)}, in 9 days`);
    expect(stdout).toContain(`│ ${(await storedUntil("witness-c")).slice(0, 10)}  `);
    const verify = verifySchema.parse(JSON.parse((await run("verify", "--json")).stdout));
    expect(verify.checks.filter(({ id, holds }) => id === "certificate" && !holds).map(({ node }) => node)).toContain(
      "redis-b",
    );
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
    [
      "status --json",
      [
        ...keys(statusSchema),
        ...keys(status),
        ...keys(status.shape.sentinel.unwrap()),
        ...keys(status.shape.certificate.unwrap()),
      ],
    ],
    ["inventory --json", [...keys(inventorySchema), ...keys(inventorySchema.shape.nodes.element)]],
    ["drill --json", [...new Set([...keys(drillSchema), ...keys(writer), ...keys(reader)])]],
    ["verify --json", [...keys(verifySchema), ...keys(verifySchema.shape.checks.element), ...Object.keys(checkTitles)]],
  ])("describes every field of %s, and nothing else", (command, names) => {
    const section = docs.split("\n## ").find((text) => text.startsWith(`\`redis-ha ${command}\``)) ?? "";
    const described = [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name);
    expect(described.sort()).toEqual(names.sort());
  });
});
