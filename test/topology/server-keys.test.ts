import { describe, expect, it } from "vitest";
import { local } from "../../environments/local.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { parseConfigFile, parseSentinelFile } from "../../topology/config-file.ts";
import { specsOf } from "../../topology/render.ts";
import {
  askedServers,
  entryFor,
  redisKeyClass,
  redisKeys,
  sentinelCommand,
  sentinelKeyClass,
  serversWith,
  valueTypes,
} from "../../topology/server-keys.ts";
import { valueObjection } from "../../topology/server-values.ts";

const engines = ["redis", "valkey"] as const;
const [spec] = specsOf(parseEnvironment(local));

describe("the keys of the templates", () => {
  const keys = [...parseConfigFile(spec?.files["redis.conf"] ?? "").keys()];
  const atStart = ["databases", "port", "tcp-backlog"];

  it.each(engines)("redis.conf: %s takes all but a few while it runs", (engine) => {
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter((key) => redisKeyClass(key, engine) === undefined)).toEqual([]);
    const restart = keys.filter((key) => redisKeyClass(key, engine) === "restart");
    expect(restart.sort()).toEqual(atStart.filter((key) => restart.includes(key)));
    expect(restart).toEqual(expect.arrayContaining(["databases", "tcp-backlog"]));
  });

  it.each(engines)("sentinel.conf: %s takes timings and addresses while it runs", (engine) => {
    const { server, globals, masters } = parseSentinelFile(spec?.files["sentinel.conf"] ?? "");
    const perMaster = [...(masters.get(spec?.masterName ?? "")?.keys() ?? [])];
    const all = [...server.keys(), ...globals.keys(), ...perMaster, "quorum"];
    expect(Object.fromEntries(all.map((key) => [key, sentinelCommand(key, engine) ?? "restart"]))).toEqual({
      bind: "restart",
      port: "restart",
      "tls-port": "restart",
      "tls-replication": "restart",
      "tls-auth-clients": "restart",
      "protected-mode": "restart",
      "tcp-backlog": "restart",
      "deny-scripts-reconfig": "restart",
      "announce-ip": "SENTINEL CONFIG SET",
      "announce-port": "SENTINEL CONFIG SET",
      "down-after-milliseconds": "SENTINEL SET",
      "failover-timeout": "SENTINEL SET",
      "parallel-syncs": "SENTINEL SET",
      quorum: "SENTINEL SET",
    });
  });
});

describe("classes", () => {
  it.each([
    ["maxmemory", "live"],
    ["slave-priority", "live"],
    ["io-threads", "restart"],
    ["dir", "restart"],
    ["nonsense", undefined],
    ["constructor", undefined],
  ])("%s: %s", (key, expected) => {
    for (const engine of engines) expect(redisKeyClass(key, engine)).toBe(expected);
  });

  it("a key of Sentinel is live only if every version of the engine takes it", () => {
    expect(sentinelKeyClass("loglevel", "redis")).toBe("restart");
    expect(sentinelKeyClass("loglevel", "valkey")).toBe("live");
    expect(sentinelKeyClass("failover-timeout", "redis")).toBe("live");
    expect(sentinelKeyClass("nonsense", "redis")).toBe("restart");
  });
});

describe("who knows what", () => {
  it("names the servers", () => {
    expect(askedServers()).toEqual(["redis 7.0", "redis 8.0", "valkey 8.1"]);
    expect(askedServers("valkey")).toEqual(["valkey 8.1"]);
    expect(serversWith("import-mode")).toEqual(["valkey 8.1"]);
    expect(serversWith("maxmemory")).toEqual(askedServers());
    expect(serversWith("nonsense")).toEqual([]);
    expect(entryFor("redis.conf", "io-threads", "redis 8.0")).toBe("restart integer 1..128");
    expect(entryFor("redis.conf", "io-threads", "valkey 8.1")).toBe("restart integer 1..256");
  });

  it("lists the keys of an engine", () => {
    expect(redisKeys("redis")).toEqual(expect.arrayContaining(["io-threads-do-reads", "maxmemory", "dynamic-hz"]));
    expect(redisKeys("redis")).not.toContain("import-mode");
    expect(redisKeys("valkey")).toContain("import-mode");
  });

  it("gives each type of value once", () => {
    expect(valueTypes("maxmemory-samples", "redis")).toEqual(["integer 1..2147483647", "integer 1..64"]);
    expect(valueTypes("timeout", "redis")).toEqual(["integer 0..2147483647"]);
    expect(valueTypes("nonsense", "redis")).toEqual([]);
  });
});

it("has no opinion about values of keys that it does not know", () => {
  expect(valueObjection("nonsense", "1", "redis")).toBeUndefined();
});
