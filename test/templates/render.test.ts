import { readFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { environmentSchema } from "../../environments/environment.ts";
import type { Environment, EnvironmentInput } from "../../environments/environment.ts";
import { local } from "../../environments/local.ts";
import { localPair } from "../../environments/local-pair.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { parseConfigFile, parseSentinelFile } from "../../topology/config-file.ts";
import { specsOf } from "../../topology/render.ts";
import { everySetting, oddText, onHost } from "./every-setting.ts";

const template = (name: string) => readFile(new URL(`../../templates/${name}`, import.meta.url), "utf8");
const withSettings = (settings: Partial<EnvironmentInput["settings"]>): Environment =>
  parseEnvironment({ ...local, settings: { ...local.settings, ...settings } });
const textOf = (environment: Environment): string =>
  specsOf(environment)
    .flatMap(({ files }) => Object.values(files))
    .join("");

describe("the templates", () => {
  test.each(["redis.conf", "sentinel.conf"])("%s explains every key, alone or in a tight group", async (name) => {
    const blocks = (await template(name)).split(/\n\s*\n/).map((block) =>
      block
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("<%")),
    );
    const isKey = (line: string) => /^[a-z]/.test(line);
    const groups = blocks.filter((lines) => lines.some(isKey));
    expect(groups.length).toBeGreaterThan(5);
    for (const lines of groups) {
      const first = lines.findIndex((line) => !/^#/.test(line));
      const comment = lines.slice(0, first).join(" ");
      expect(comment, `the reason above "${lines.find(isKey)}"`).toMatch(/^#\s+\S+( \S+){4,}/);
      expect(
        lines.slice(first).filter((line) => line.startsWith("#")),
        "a second comment in a group",
      ).toEqual([]);
      expect(lines.length - first, `too many keys share "${comment}"`).toBeLessThanOrEqual(5);
    }
  });

  test("redis.conf sets what durability and failover depend on", () => {
    const text = specsOf(parseEnvironment(local))[0]?.files["redis.conf"] ?? "";
    expect(Object.fromEntries(parseConfigFile(text))).toEqual({
      bind: "127.0.0.1",
      port: "0",
      "tls-port": "6401",
      "tls-replication": "yes",
      "tls-auth-clients": "optional",
      "protected-mode": "yes",
      "tcp-backlog": "4096",
      "tcp-keepalive": "60",
      timeout: "0",
      databases: "16",
      maxmemory: "104857600",
      "maxmemory-policy": "noeviction",
      "lazyfree-lazy-eviction": "yes",
      "lazyfree-lazy-expire": "yes",
      "lazyfree-lazy-server-del": "yes",
      "lazyfree-lazy-user-del": "yes",
      "lazyfree-lazy-user-flush": "yes",
      "replica-lazy-flush": "yes",
      appendonly: "yes",
      appendfsync: "everysec",
      "no-appendfsync-on-rewrite": "no",
      "aof-use-rdb-preamble": "yes",
      "aof-load-truncated": "yes",
      "auto-aof-rewrite-percentage": "100",
      "auto-aof-rewrite-min-size": "64mb",
      save: "",
      "repl-backlog-size": "67108864",
      "repl-backlog-ttl": "0",
      "repl-diskless-sync": "yes",
      "repl-diskless-sync-delay": "0",
      "repl-timeout": "20",
      "repl-ping-replica-period": "5",
      "client-output-buffer-limit": "normal 0 0 0 replica 536870912 134217728 60 pubsub 32mb 8mb 60",
      "min-replicas-to-write": "1",
      "min-replicas-max-lag": "2",
      "replica-priority": "100",
      "replica-serve-stale-data": "yes",
      "replica-read-only": "yes",
      "replica-announce-ip": "127.0.0.1",
      "replica-announce-port": "6401",
      "shutdown-timeout": "10",
      "busy-reply-threshold": "1000",
      "latency-monitor-threshold": "50",
      "slowlog-log-slower-than": "10000",
      "slowlog-max-len": "512",
    });
  });

  test("sentinel.conf sets how a failover goes, and lets no script be set", () => {
    const text = specsOf(parseEnvironment(local))[0]?.files["sentinel.conf"] ?? "";
    const { server, globals, masters } = parseSentinelFile(text);
    expect(Object.fromEntries(server)).toEqual({
      bind: "127.0.0.1",
      port: "0",
      "tls-port": "26401",
      "tls-replication": "yes",
      "tls-auth-clients": "optional",
      "protected-mode": "yes",
      "tcp-backlog": "4096",
    });
    expect(Object.fromEntries(globals)).toEqual({
      "announce-ip": "127.0.0.1",
      "announce-port": "26401",
      "deny-scripts-reconfig": "yes",
    });
    expect([...masters.keys()]).toEqual(["redis-ha-local"]);
    expect(Object.fromEntries(masters.get("redis-ha-local") ?? [])).toEqual({
      "down-after-milliseconds": "2000",
      "failover-timeout": "10000",
      "parallel-syncs": "1",
    });
  });

  test.each([
    ["redis.conf", /^(replicaof|slaveof|user|include|dir|logfile|pidfile|daemonize|supervised|requirepass)\b/m],
    [
      "sentinel.conf",
      /^(user|include|dir|logfile|pidfile|daemonize|supervised)\b|^sentinel (monitor|myid|.*epoch|known-|.*-hostnames)/m,
    ],
  ])("%s leaves out the role, the state and the paths", async (name, forbidden) => {
    expect(await template(name)).not.toMatch(forbidden);
    expect(
      specsOf(parseEnvironment(everySetting))
        .map(({ files }) => files[name as "redis.conf"] ?? "")
        .join(""),
    ).not.toMatch(forbidden);
  });
});

describe("specsOf", () => {
  test("knows every node, its peers and its files", () => {
    const specs = specsOf(parseEnvironment(localPair));
    expect(
      specs.map(({ node, peers, files }) => [node.name, peers.map(({ name }) => name), Object.keys(files)]),
    ).toEqual([
      ["redis-a", ["redis-b", "witness-c"], ["redis.conf", "users.acl", "sentinel.conf", "sentinel-users.acl"]],
      ["redis-b", ["redis-a", "witness-c"], ["redis.conf", "users.acl", "sentinel.conf", "sentinel-users.acl"]],
      ["witness-c", ["redis-a", "redis-b"], ["sentinel.conf", "sentinel-users.acl"]],
    ]);
    expect(specs[0]).toMatchObject({
      version: 1,
      environment: "local-pair",
      target: "local",
      masterName: "redis-ha-local-pair",
      engine: "redis",
      quorum: 2,
      seed: "redis-a",
    });
    const reports = specsOf(parseEnvironment(everySetting)).find(({ node }) => node.name === "reports");
    expect(Object.keys(reports?.files ?? {})).toEqual(["redis.conf", "users.acl"]);
  });

  test("the same environment gives the same text, whatever the order of the user's keys", () => {
    const keys = { timeout: "1", hz: "20", loglevel: "verbose" };
    const reversed = Object.fromEntries(Object.entries(keys).reverse());
    expect(specsOf(withSettings({ redisConf: keys }))).toEqual(specsOf(withSettings({ redisConf: reversed })));
  });

  test("every file is a whole text: no hole left, no stray space, one line end at its end", () => {
    for (const input of [local, localPair, everySetting]) {
      for (const text of specsOf(parseEnvironment(input)).flatMap(({ files }) => Object.values(files))) {
        expect(text.replace(/^syslog-ident .*$/m, "")).not.toMatch(/<%|%>|undefined|NaN|\[object|[ \t]$|\n\n\n/m);
        expect(text).toMatch(/[^\n]\n$/);
      }
    }
  });

  test.each<[string, Partial<EnvironmentInput["settings"]>, string[]]>([
    ["maxMemoryMb", { maxMemoryMb: 300 }, ["maxmemory 314572800"]],
    ["maxMemoryPolicy", { maxMemoryPolicy: "volatile-ttl" }, ["maxmemory-policy volatile-ttl"]],
    ["appendFsync", { appendFsync: "no" }, ["appendfsync no"]],
    [
      "replBacklogMb",
      { replBacklogMb: 1024, maxMemoryMb: 1100 },
      [
        "maxmemory 1153433600",
        "repl-backlog-size 1073741824",
        "client-output-buffer-limit replica 1073741824 1073741824 60",
      ],
    ],
    ["minReplicasToWrite", { minReplicasToWrite: 2 }, ["min-replicas-to-write 2"]],
    ["minReplicasMaxLagSeconds", { minReplicasMaxLagSeconds: 7 }, ["min-replicas-max-lag 7"]],
    ["redisConf", { redisConf: { hz: "20" } }, ["hz 20"]],
    ["downAfterMs", { downAfterMs: 4000 }, ["sentinel down-after-milliseconds redis-ha-local 4000"]],
    ["failoverTimeoutMs", { failoverTimeoutMs: 9000 }, ["sentinel failover-timeout redis-ha-local 9000"]],
  ])("settings.%s changes its own lines and nothing else", (_, settings, lines) => {
    const before = textOf(withSettings({})).split("\n");
    const added = textOf(withSettings(settings))
      .split("\n")
      .filter((line) => !before.includes(line));
    expect([...new Set(added)].filter((line) => line !== "" && !line.startsWith("#"))).toEqual(lines);
  });

  test("access.clientCertificates changes one line of each server and nothing else", () => {
    const linesOf = (access: EnvironmentInput["access"]): string[] =>
      textOf(parseEnvironment({ ...local, access })).split("\n");
    const [before, after] = [linesOf({}), linesOf({ clientCertificates: true })];
    const changed = after.filter((line, index) => line !== before[index]);
    expect(changed).toEqual(Array.from({ length: 6 }, () => "tls-auth-clients yes"));
    expect(after).toHaveLength(before.length);
    expect(linesOf({ tls: false }).filter((line) => line.startsWith("tls-"))).toEqual([]);
  });

  test("every-setting differs from the default in every setting", () => {
    const { quorum, minReplicasToWrite, ...defaults } = environmentSchema.shape.settings.parse({ maxMemoryMb: 100 });
    expect([quorum, minReplicasToWrite]).toEqual([undefined, undefined]);
    const names = Object.keys(environmentSchema.shape.settings.shape);
    const settings: Record<string, unknown> = everySetting.settings;
    expect(Object.keys(settings).sort()).toEqual(names.sort());
    for (const [name, value] of Object.entries(defaults)) expect(settings[name], name).not.toEqual(value);
  });

  test.each([
    ["local", "127.0.0.1", "bind 127.0.0.1\n"],
    ["local", "127.0.0.9", "bind 127.0.0.9\n"],
    ["ssh", "10.0.0.5", "bind 10.0.0.5 127.0.0.1\n"],
  ])("on the target %s, %s: %j", (kind, address, line) => {
    const environment = onHost(address, 6379, 26379);
    if (kind === "local") environment.target = { kind };
    const files = specsOf(environment)[0]?.files;
    expect(files?.["redis.conf"]).toContain(line);
    expect(files?.["redis.conf"]).toContain(`replica-announce-ip ${address}\n`);
    expect(files?.["sentinel.conf"]).toContain(line);
    expect(files?.["sentinel.conf"]).toContain(`sentinel announce-ip ${address}\n`);
  });

  test("a node that is never to be master has priority 0, every other the same", () => {
    const priorities = specsOf(parseEnvironment(everySetting)).map(({ files }) =>
      parseConfigFile(files["redis.conf"] ?? "").get("replica-priority"),
    );
    expect(priorities).toEqual(["100", "100", "100", "0"]);
  });

  test.each(["", " ", oddText, `"`, "'", "\\", "#", "<% throw 1 %>", "\t\x01\x7f", "a\u2028b", "\\x41", "${x} $1"])(
    "a value of the user is read back as it was given: %j",
    (value) => {
      const [spec] = specsOf(withSettings({ redisConf: { "syslog-ident": value } }));
      expect(parseConfigFile(spec?.files["redis.conf"] ?? "").get("syslog-ident")).toBe(value);
    },
  );

  test.each([
    ["client-output-buffer-limit", " pubsub 64mb  16mb 90", "pubsub 64mb 16mb 90"],
    ["latency-tracking-info-percentiles", "", `""`],
    ["proc-title-template", "{title} {port}", `"{title} {port}"`],
  ])("%s: %j is written as %s: redis 7.0.0 does not split a quoted list", (key, value, written) => {
    expect(textOf(withSettings({ redisConf: { [key]: value } }))).toContain(`\n${key} ${written}\n`);
  });
});
