import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { local } from "../../environments/local.ts";
import { localPair } from "../../environments/local-pair.ts";
import { parseSentinelFile } from "../../topology/config-file.ts";
import { specsOf } from "../../topology/render.ts";
import { describeEachServer } from "../support/each-server.ts";
import { launchSentinel, sentinelStateFile, withFolder } from "../support/redis-process.ts";
import type { RunningServer } from "../support/redis-process.ts";
import { everySetting, onPorts } from "./every-setting.ts";
import { noOutside, outsideAddress, reach } from "./outside.ts";

/** The rendered sentinel.conf of every node that has one. */
const nodes = [onPorts(local, 16_070), onPorts(localPair, 16_080), onPorts(everySetting, 16_090)].flatMap(
  (environment) =>
    specsOf(environment).flatMap(({ node, masterName, quorum, files }) =>
      files["sentinel.conf"] === undefined || node.sentinelPort === undefined
        ? []
        : [
            {
              name: `${environment.name} ${node.name}`,
              host: node.address,
              port: node.sentinelPort,
              masterName,
              conf: files["sentinel.conf"],
              // Nobody listens there: a Sentinel starts, and keeps its settings, without a living master.
              state: `sentinel monitor ${masterName} 127.0.0.1 16003 ${quorum}\n`,
            },
          ],
    ),
);

type Options = Parameters<typeof launchSentinel>[0];

const pairs = (flat: unknown): Map<string, string> => {
  const list = flat as string[];
  return new Map(list.flatMap((key, index) => (index % 2 === 0 ? [[key, list[index + 1] ?? ""] as const] : [])));
};

const stateOf = async (folder: string) => parseSentinelFile(await readFile(sentinelStateFile(folder), "utf8"));

/** Reads back every line of the text in the way that Sentinel has for its key; returns what differs. */
async function differences(server: RunningServer, folder: string, text: string): Promise<string[]> {
  const { client } = server;
  const wanted = parseSentinelFile(text);
  const found: string[] = [];
  const compare = (key: string, value: string, actual: string | undefined) => {
    if (actual !== value) found.push(`${key}: ${value} in the file, ${actual ?? "unknown"} in Sentinel`);
  };

  for (const [master, settings] of wanted.masters) {
    const actual = pairs(await client.call("SENTINEL", "MASTER", master));
    for (const [key, value] of settings) compare(key, value, actual.get(key));
  }

  const global = pairs(await client.call("SENTINEL", "CONFIG", "GET", "*"));
  const anyMaster = [...wanted.masters.keys()][0] ?? "";
  const scripts = await client
    .call("SENTINEL", "SET", anyMaster, "notification-script", "/bin/true")
    .then(() => "no")
    .catch((error: Error) => (error.message.includes("denied for security reasons") ? "yes" : error.message));
  for (const [key, value] of wanted.globals) {
    compare(key, value, key === "deny-scripts-reconfig" ? scripts : global.get(key));
  }

  // Sentinel has no CONFIG GET, but it writes down what differs from the server's defaults.
  expect(await client.call("SENTINEL", "FLUSHCONFIG")).toBe("OK");
  const { server: written } = await stateOf(folder);
  const defaults = new Map([["protected-mode", "yes"]]);
  for (const [key, value] of wanted.server) compare(key, value, written.get(key) ?? defaults.get(key));
  return found;
}

describeEachServer(({ sentinel: program }) => {
  test.each(nodes)("runs with every value of the sentinel.conf of $name", async (node) => {
    await withFolder(async (folder) => {
      const server = await launchSentinel({ ...node, program, folder });
      const { server: keys, globals, masters } = parseSentinelFile(node.conf);
      const lines = node.conf.split("\n").filter((line) => /^[a-z]/.test(line));
      expect(keys.size + globals.size + (masters.get(node.masterName)?.size ?? 0)).toBe(lines.length);
      expect(await differences(server, folder, node.conf)).toEqual([]);
    });
  });

  test("a value set while it ran is gone after a restart; what Sentinel has learned stays", async () => {
    const [node] = nodes;
    if (!node) throw new Error("no node has a Sentinel");
    await withFolder(async (folder) => {
      const options: Options = { ...node, program, folder };
      const first = await launchSentinel(options);
      for (const [key, value] of [
        ["down-after-milliseconds", "4444"],
        ["failover-timeout", "5555"],
        ["parallel-syncs", "3"],
      ] as const) {
        await first.client.call("SENTINEL", "SET", node.masterName, key, value);
      }
      await first.client.call("SENTINEL", "SET", node.masterName, "quorum", "1");
      await first.client.call("SENTINEL", "CONFIG", "SET", "announce-port", "1");
      expect(await differences(first, folder, node.conf)).toHaveLength(4);
      const before = await stateOf(folder);
      expect(before.masters.get(node.masterName)?.get("down-after-milliseconds")).toBe("4444");
      await first.stop();

      for (let start = 1; start <= 2; start++) {
        const again = await launchSentinel(options);
        expect(await differences(again, folder, node.conf)).toEqual([]);
        const text = await readFile(sentinelStateFile(folder), "utf8");
        expect(text.match(/^sentinel monitor/gm), "one master").toHaveLength(1);
        const after = parseSentinelFile(text);
        expect(after.globals.get("myid")).toBe(before.globals.get("myid"));
        expect(after.masters.get(node.masterName)?.get("monitor")).toBe("127.0.0.1 16003 1");
        await again.stop();
      }
    });
  });
});

const outside = outsideAddress();

test.skipIf(!outside)(`a local Sentinel cannot be reached over the network${outside ? "" : noOutside}`, async () => {
  const [spec] = specsOf(onPorts(local, 16_004));
  await withFolder(async (folder) => {
    const port = spec?.node.sentinelPort ?? 0;
    const state = `sentinel monitor ${spec?.masterName} 127.0.0.1 16003 2\n`;
    const { client } = await launchSentinel({ folder, port, conf: spec?.files["sentinel.conf"] ?? "", state });
    expect(await client.ping()).toBe("PONG");
    await expect(reach(outside ?? "", port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
