import { describe, expect, test } from "vitest";

import { parseConfigFile, parseSentinelFile, sameConfigValue } from "../../topology/config-file.ts";

describe("parseConfigFile reads a line as the server does", () => {
  test.each([
    ["a plain value", "port 6379", { port: "6379" }],
    ["comments and empty lines", "# port 1\n\n   # port 2\nport 3\n", { port: "3" }],
    ["space around and between, Windows line ends", "  bind \t 127.0.0.1   ::1  \r\n", { bind: "127.0.0.1 ::1" }],
    ["keys in capitals", "MaxMemory 1gb", { maxmemory: "1gb" }],
    ["the last of two lines", "timeout 1\ntimeout 2", { timeout: "2" }],
    ["a comment sign inside a value", "syslog-ident a#b", { "syslog-ident": "a#b" }],
    ["an empty value", 'logfile ""', { logfile: "" }],
    ["double quotes", 'syslog-ident "a \\"b\\" \\\\ c"', { "syslog-ident": 'a "b" \\ c' }],
    ["single quotes", `syslog-ident 'a "b" \\' \\n'`, { "syslog-ident": `a "b" ' \\n` }],
    ["control characters", 'syslog-ident "\\n\\r\\t\\b\\a\\q"', { "syslog-ident": "\n\r\t\b\x07q" }],
    ["bytes", 'syslog-ident "\\x41\\xe2\\x82\\xac\\X41\\x4"', { "syslog-ident": "A€X41x4" }],
    ["an escaped backslash before an x", 'syslog-ident "\\\\x41"', { "syslog-ident": "\\x41" }],
    ["a quote that starts inside a word", 'syslog-ident a"b c"', { "syslog-ident": "ab c" }],
    ["spaces of other scripts as text", "syslog-ident a\u00a0b", { "syslog-ident": "a\u00a0b" }],
    [
      "today's name of an old key",
      "slave-priority 0\nhash-max-ziplist-value 1",
      { "replica-priority": "0", "hash-max-listpack-value": "1" },
    ],
    ["an old name after today's", "busy-reply-threshold 1\nlua-time-limit 2", { "busy-reply-threshold": "2" }],
    ["the role", "slaveof 10.0.0.1 6379", { replicaof: "10.0.0.1 6379" }],
    ["the role of a master", "replicaof NO ONE", { replicaof: "" }],
    ["save lines that add up", "save 900 1\nsave 300 10 60 10000", { save: "900 1 300 10 60 10000" }],
    ["save in one argument", 'save "900 1"', { save: "900 1" }],
    ["no snapshots", 'save 900 1\nsave ""', { save: "" }],
    ["no snapshots, then some", 'save ""\nsave 60 1', { save: "60 1" }],
    [
      "buffer limits by class",
      "client-output-buffer-limit slave 1mb 2mb 3\nclient-output-buffer-limit pubsub 4 5 6 normal 0 0 0\nclient-output-buffer-limit replica 7 8 9",
      { "client-output-buffer-limit": "replica 7 8 9 pubsub 4 5 6 normal 0 0 0" },
    ],
    ["keys that may be repeated", "include /a\ninclude /b", { include: "/a\n/b" }],
  ])("%s", (_, text, expected) => {
    expect(Object.fromEntries(parseConfigFile(text))).toEqual(expected);
  });

  test.each([
    ["an open double quote", 'port 1\nlogfile "a'],
    ["an open single quote", "port 1\nlogfile 'a\\'"],
    ["text after a closing quote", 'port 1\nlogfile "a"b'],
    ["a quote at the end", 'port 1\nlogfile "'],
    ["a backslash before the last quote", 'port 1\nlogfile "a\\"'],
  ])("refuses %s and names the line", (_, text) => {
    expect(() => parseConfigFile(text)).toThrow(/^line 2: quotes do not match: logfile/);
  });
});

describe("parseSentinelFile", () => {
  const text = `port 26379
SENTINEL monitor one 10.0.0.1 6379 2
sentinel down-after-milliseconds one 2000
sentinel known-replica one 10.0.0.2 6379
sentinel known-slave one 10.0.0.3 6379
sentinel down-after-milliseconds two "3000"
sentinel myid 1b2c
sentinel announce-ip "10.0.0.9"
sentinel resolve-hostnames yes
user default on nopass ~* &* +@all
`;

  test("tells apart what concerns the server, this Sentinel and each master", () => {
    const { server, globals, masters } = parseSentinelFile(text);
    expect(Object.fromEntries(server)).toEqual({ port: "26379", user: "default on nopass ~* &* +@all" });
    expect(Object.fromEntries(globals)).toEqual({
      myid: "1b2c",
      "announce-ip": "10.0.0.9",
      "resolve-hostnames": "yes",
    });
    expect([...masters.keys()]).toEqual(["one", "two"]);
    expect(Object.fromEntries(masters.get("one") ?? [])).toEqual({
      monitor: "10.0.0.1 6379 2",
      "down-after-milliseconds": "2000",
      "known-replica": "10.0.0.2 6379\n10.0.0.3 6379",
    });
    expect(Object.fromEntries(masters.get("two") ?? [])).toEqual({ "down-after-milliseconds": "3000" });
  });

  test.each(["sentinel", "sentinel myid", "sentinel parallel-syncs one"])("refuses %j, which says nothing", (line) => {
    expect(() => parseSentinelFile(`port 1\n${line}\n`)).toThrow(`line 2: "${line}" lacks arguments`);
  });
});

describe("sameConfigValue", () => {
  test.each([
    ["maxmemory", "64mb", "67108864"],
    ["maxmemory", "1G", "1000000000"],
    ["maxmemory", "1gb", "1073741824"],
    ["maxmemory", "100k", "100000"],
    ["maxmemory", "100b", "100"],
    ["appendonly", "YES", "yes"],
    ["appendfsync", "EverySec", "everysec"],
    ["unixsocketperm", "0700", "700"],
    ["list-max-ziplist-size", "-2", "-2"],
    ["save", "", ""],
    ["save", "900  1 300 10", "900 1 300 10"],
    ["bind", "10.0.0.1  127.0.0.1", "10.0.0.1 127.0.0.1"],
    ["notify-keyspace-events", "Ex", "xE"],
    ["notify-keyspace-events", "KEg$lshzxetd", "AKE"],
    ["notify-keyspace-events", "", ""],
    ["latency-tracking-info-percentiles", "50.0 99.90", "50 99.9"],
    ["shutdown-on-sigterm", "now nosave", "nosave now"],
    ["oom-score-adj", "relative", "yes"],
    ["slave-priority", "0100", "100"],
    ["client-output-buffer-limit", "replica 1mb 64k 60", "normal 0 0 0 slave 1048576 64000 60 pubsub 1 2 3"],
    ["client-output-buffer-limit", "slave 1 1 60 normal 0 0 0", "normal 0 0 0 replica 1 1 60"],
    ["requirepass", "Secret 1", "Secret 1"],
  ])("%s: %j is %j", (key, wanted, running) => {
    expect(sameConfigValue(key, wanted, running)).toBe(true);
  });

  test.each([
    ["maxmemory", "64mb", "64000000"],
    ["maxmemory", "64", "67108864"],
    ["maxmemory", "64xb", "64"],
    ["maxmemory", "", "0"],
    ["maxmemory-clients", "5%", "5"],
    ["appendonly", "yes", "no"],
    ["timeout", "10", "1"],
    ["save", "", "900 1"],
    ["save", "900 1", ""],
    ["save", "900 1", "900 1 300 10"],
    ["bind", "10.0.0.1 127.0.0.1", "127.0.0.1 10.0.0.1"],
    ["notify-keyspace-events", "Ex", "xK"],
    ["notify-keyspace-events", "A", "AE"],
    ["latency-tracking-info-percentiles", "50 99.9", "50 99"],
    ["shutdown-on-sigterm", "now", "nosave now"],
    ["client-output-buffer-limit", "replica 1mb 64kb 60", "normal 0 0 0 slave 1048576 65536 61"],
    ["client-output-buffer-limit", "replica 1 1 1", "normal 1 1 1"],
    ["client-output-buffer-limit", "replica 1 1 1", ""],
    // Free text means what it says.
    ["requirepass", "Secret", "secret"],
    ["requirepass", "1kb", "1024"],
    ["requirepass", "010", "10"],
    ["syslog-ident", "a  b", "a b"],
    ["tls-cert-file", "/A", "/a"],
  ])("%s: %j is not %j", (key, wanted, running) => {
    expect(sameConfigValue(key, wanted, running)).toBe(false);
  });
});
