import { expect, it } from "vitest";
import { entryFor, redisKeys } from "../../topology/server-keys.ts";
import table from "../../topology/server-keys.json" with { type: "json" };
import { valueObjection } from "../../topology/server-values.ts";
import { askServer, withServer, type Entries } from "../../tools/keys/ask.ts";
import { tableOf } from "../../tools/keys/table.ts";
import { describeEachServer } from "../support/each-server.ts";

/** What the committed table says about one server. */
function entriesOf(file: "redis.conf" | "sentinel.conf", server: string): Entries {
  const entries = Object.keys(table[file]).map((key) => [key, entryFor(file, key, server)] as const);
  return Object.fromEntries(entries.flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry]])));
}

/** Keys and values of each kind, right and wrong ones, as somebody might write them. */
const cases: Readonly<Record<string, readonly string[]>> = {
  activerehashing: ["yes", "NO", "true", "1", "yes ", ""],
  loglevel: ["NOTICE", "verbose", "info", "notice ", ""],
  "oom-score-adj": ["relative", "maybe"],
  "notify-keyspace-events": ["", "KEA", "Ex", "K E", "Q", "y"],
  timeout: ["0", "2147483647", "2147483648", "9223372036854775808", "010", "+1", "-0", "-1", " 1", "1.5", "0x1", ""],
  "slowlog-log-slower-than": ["-1", "-2", "9223372036854775807", "9223372036854775808"],
  "active-defrag-cycle-max": ["0", "1", "99", "100"],
  "maxmemory-samples": ["0", "64"],
  "hash-max-listpack-entries": ["-1", "0", "512"],
  // Sizes in bytes; the servers take no digits for 0, and cut what is too large for 64 bits.
  "client-query-buffer-limit": [
    "1048575",
    "1mb",
    "1MB",
    "1m",
    "1.5gb",
    "1tb",
    "1 gb",
    "-1",
    "34359738368gb",
    "17179869185gb",
  ],
  "auto-aof-rewrite-min-size": ["", "mb", "18446744073709551616", "99999999999999999999gb", "1kB", "5x"],
  "repl-backlog-size": ["0", "1", "9223372036854775808"],
  "maxmemory-clients": ["0%", "5%", "100%", "101%", "%", "05%", "5.5%", "-5%", "5mb", ""],
  "client-output-buffer-limit": [
    "normal 0 0 0",
    "pubsub 32mb 8mb 60 REPLICA 1 2 3",
    "slave 1 2 3",
    "master 0 0 0",
    "pubsub 32mb 8mb",
    "pubsub 32mb 8mb -1",
    "pubsub 32mb 8mb +1",
    "pubsub x 1 1",
    "pubsub -1 1 1",
    "pubsub 1 1 1x",
  ],
  "latency-tracking-info-percentiles": ["", "50 99.9", "1e1", "101", "-1", "x", "50 x"],
  "oom-score-adj-values": ["0 200 800", "800 200 0", "+1 1 1", "0 200", "2001 0 0", "1.5 1 1", "x 1 1", ""],
  // Valkey's only.
  "cluster-blacklist-ttl": ["9223372036854775807", "9223372036854775808", "-9223372036854775809"],
  // Taken at the start only.
  databases: ["1", "0", "x"],
  "tcp-backlog": ["0", "-1"],
  "io-threads": ["1", "1000"],
  "syslog-enabled": ["yes", "maybe"],
  "syslog-facility": ["local3", "local9"],
  "syslog-ident": ["", "anything at all"],
};

describeEachServer(({ server, sentinel }, { name, engine }) => {
  it("says about its keys what the committed table says; npm run keys writes it anew", async () => {
    const answers = await askServer({ server, sentinel });
    expect(answers["redis.conf"]).toEqual(entriesOf("redis.conf", name));
    expect(answers["sentinel.conf"]).toEqual(entriesOf("sentinel.conf", name));
  });

  it("takes and refuses the values that synth takes and refuses", async () => {
    await withServer(server, async ({ keys, refusal }) => {
      const differences: string[] = [];
      const known = Object.entries(cases).filter(([key]) => keys.includes(key));
      for (const [key, value] of known.flatMap(([it, values]) => values.map((one) => [it, one] as const))) {
        const real = await refusal(key, value);
        const synth = valueObjection(key, value, engine);
        if ((real === undefined) !== (synth === undefined)) {
          differences.push(`${key} "${value}": the server says ${real ?? "yes"}, synth says ${synth ?? "yes"}`);
        }
      }
      expect(differences).toEqual([]);
    });
  });

  it("is left as it was by what it is asked", async () => {
    await withServer(server, async ({ keys, refusal, shown }) => {
      const before = await shown();
      expect(keys.length).toBeGreaterThan(150);
      for (const [key, value] of [
        ["maxmemory", "1gb"],
        ["appendfsync", "always"],
        ["save", "1 1"],
        ["bind", "127.0.0.9"],
      ] as const) {
        expect(await refusal(key, value), key).toBeUndefined();
      }
      expect(await shown()).toEqual(before);
    });
  });

  it("takes every value that it shows", async () => {
    await withServer(server, async ({ shown }) => {
      const known = redisKeys(engine);
      const refused = Object.entries(await shown())
        .filter(([key]) => known.includes(key))
        .flatMap(([key, value]) => (valueObjection(key, value, engine) === undefined ? [] : [`${key} ${value}`]));
      expect(refused).toEqual([]);
    });
  });
});

it("an answer that all servers give stands once, and others by who gives them", () => {
  const said = (entries: Entries) => ({ "redis.conf": entries, "sentinel.conf": {} });
  const answers = new Map([
    ["redis 7.0", said({ same: "live text", old: "live text", changed: "restart text" })],
    ["redis 8.0", said({ same: "live text", changed: "live text" })],
    ["valkey 8.1", said({ same: "live text", changed: "live text" })],
  ]);
  expect(tableOf(answers)).toEqual({
    servers: ["redis 7.0", "redis 8.0", "valkey 8.1"],
    "redis.conf": {
      same: "live text",
      old: { "redis 7.0": "live text" },
      changed: { "redis 7.0": "restart text", "redis 8.0, valkey 8.1": "live text" },
    },
    "sentinel.conf": {},
  });
});
