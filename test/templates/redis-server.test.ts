import { readFile, writeFile } from "node:fs/promises";

import type { Redis } from "ioredis";
import { expect, test } from "vitest";

import { local } from "../../environments/local.ts";
import { localPair } from "../../environments/local-pair.ts";
import { parseConfigFile, sameConfigValue } from "../../topology/config-file.ts";
import { specsOf } from "../../topology/render.ts";
import { describeEachServer } from "../support/each-server.ts";
import { launchRedis, runtimeFile, withFolder } from "../support/redis-process.ts";
import { everySetting, oddText, onPorts } from "./every-setting.ts";
import { noOutside, outsideAddress, reach } from "./outside.ts";

const environments = [onPorts(local, 16_030), onPorts(localPair, 16_040), onPorts(everySetting, 16_050)];

/** The rendered redis.conf of every data node. */
const nodes = environments.flatMap((environment) =>
  specsOf(environment).flatMap(({ node, files }) =>
    files["redis.conf"] === undefined || node.redisPort === undefined
      ? []
      : [
          {
            name: `${environment.name} ${node.name}`,
            host: node.address,
            port: node.redisPort,
            conf: files["redis.conf"],
          },
        ],
  ),
);

const configGet = async (client: Redis, key: string): Promise<string[]> =>
  (await client.call("CONFIG", "GET", key)) as string[];

/** The keys of a configuration text whose running value is another one, with both values. */
async function differences(client: Redis, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const [key, wanted] of parseConfigFile(text)) {
    const [, value] = await configGet(client, key);
    if (value === undefined || !sameConfigValue(key, wanted, value)) {
      found.push(`${key}: ${wanted} in the file, ${value ?? "unknown"} in the server`);
    }
  }
  return found;
}

describeEachServer(({ server: program }, { name: serverName }) => {
  test.each(nodes)("runs with every value of the redis.conf of $name", async ({ host, port, conf: rendered }) => {
    // valkey 8.1.1 escapes no quotes in what it rewrites; a node's own file is reduced to the role before each start.
    const conf = serverName === "valkey 8.1" ? rendered.replace(/^syslog-ident .*\n/m, "") : rendered;
    await withFolder(async (folder) => {
      const options = { program, folder, host, port, conf };
      const { client, stop } = await launchRedis(options);
      const keys = conf.split("\n").flatMap((line) => /^([a-z][\w-]*) /.exec(line)?.[1] ?? []);
      expect(keys.length).toBeGreaterThan(40);
      for (const key of keys) expect(await configGet(client, key), key).toHaveLength(2);
      expect(await differences(client, conf)).toEqual([]);

      // What the server writes into its own file must neither stop nor change its next start.
      expect(await client.config("REWRITE")).toBe("OK");
      expect(parseConfigFile(await readFile(runtimeFile(folder), "utf8")).size).toBeGreaterThan(10);
      await stop();
      const again = await launchRedis(options);
      expect(await differences(again.client, conf)).toEqual([]);
    });
  });

  test("shows what the settings mean, in its own units", async () => {
    const { host, port, conf } = nodes.at(-1) ?? { host: "", port: 0, conf: "" };
    await withFolder(async (folder) => {
      const { client } = await launchRedis({ program, folder, host, port, conf });
      const shown = Object.fromEntries(
        await Promise.all(
          [
            "maxmemory",
            "repl-backlog-size",
            "save",
            "syslog-ident",
            "databases",
            "replica-priority",
            "appendfsync",
          ].map((key) => configGet(client, key)),
        ),
      ) as Record<string, string>;
      expect(shown).toEqual({
        maxmemory: "1153433600",
        "repl-backlog-size": "1073741824",
        save: "",
        "syslog-ident": oddText,
        databases: "32",
        "replica-priority": "0",
        appendfsync: "always",
      });
    });
  });

  test("a value that was changed while it ran is seen, and gone after a restart", async () => {
    const { host, port, conf } = nodes[0] ?? { host: "", port: 0, conf: "" };
    await withFolder(async (folder) => {
      const options = { program, folder, host, port, conf };
      const { client, stop } = await launchRedis(options);
      await client.config("SET", "repl-timeout", "77", "save", "60 1");
      await client.config("REWRITE");
      expect(await differences(client, conf)).toEqual([
        "save:  in the file, 60 1 in the server",
        "repl-timeout: 20 in the file, 77 in the server",
      ]);
      await stop();
      // As before every start on a node: of the server's own file only the role stays, and a master has no line for it.
      await writeFile(runtimeFile(folder), "");
      const again = await launchRedis(options);
      expect(await differences(again.client, conf)).toEqual([]);
    });
  });

  test.each([
    ["save adds up", "save 900 1\nsave 300 10 60 1000"],
    ["save in one argument", 'save "900 1 300 10"'],
    ["save forgets", 'save 900 1\nsave ""'],
    ["save forgets and starts again", 'save 900 1\nsave ""\nsave 60 5'],
    [
      "limits by class",
      "client-output-buffer-limit slave 1mb 2mb 3\nclient-output-buffer-limit pubsub 4 5 6 replica 7 8 9",
    ],
    ["old names", "slave-priority 7\nhash-max-ziplist-value 5\nbusy-reply-threshold 1\nlua-time-limit 22"],
    ["event flags", "notify-keyspace-events AKE"],
    ["flags of a stop", "shutdown-on-sigterm now nosave"],
    ["an alias of an enumeration", "oom-score-adj relative"],
    ["units", "maxmemory 1g\nproto-max-bulk-len 2mb\nclient-query-buffer-limit 2048k\nhll-sparse-max-bytes 3k"],
    [
      "quotes",
      `syslog-ident "a \\"b\\" \\\\ \\x41\\xe2\\x82\\xac\\X41\\x4 \\q\\a\\b\\n" \nproc-title-template '{title} \\' " \\n'`,
    ],
    ["a quote inside a word", 'syslog-ident a"b c"'],
    ["a comment sign inside a value", "syslog-ident a#b"],
  ])("the server and parseConfigFile read the same: %s", async (_, lines) => {
    await withFolder(async (folder) => {
      const conf = `port 16000\nbind 127.0.0.1\n${lines}\n`;
      const { client } = await launchRedis({ program, folder, port: 16_000, conf });
      expect(await differences(client, conf)).toEqual([]);
    });
  });
});

test("a port that is taken is not mistaken for the server that was started", async () => {
  await withFolder(async (folder) => {
    await launchRedis({ folder, port: 16_001, conf: "port 16001\nbind 127.0.0.1\n" });
    await withFolder(async (other) => {
      await expect(launchRedis({ folder: other, port: 16_001, conf: "port 16001\nbind 127.0.0.1\n" })).rejects.toThrow(
        /redis-server on port 16001: .*\n[^]*(bind|listen)/i,
      );
    });
  });
});

const outside = outsideAddress();

test.skipIf(!outside)(`a local server cannot be reached over the network${outside ? "" : noOutside}`, async () => {
  const [spec] = specsOf(onPorts(local, 16_002));
  await withFolder(async (folder) => {
    const { client } = await launchRedis({ folder, port: 16_002, conf: spec?.files["redis.conf"] ?? "" });
    expect(await client.ping()).toBe("PONG");
    await expect(reach(outside ?? "", 16_002)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
