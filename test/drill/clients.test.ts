import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { HEARTBEAT_MS, ioredisModule, recommendedOptions } from "../../cli/client-options.ts";
import type { InventoryEnvironment } from "../../topology/inventory.ts";
import { passwordsFor } from "../cli/run-cli.ts";
import { launchRedis, withFolder } from "../support/redis-process.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const inventory: InventoryEnvironment = {
  target: "local",
  engine: "redis",
  masterName: "m",
  quorum: 1,
  minReplicasToWrite: 0,
  secrets: { kind: "file" },
  tls: true,
  nodes: [
    { name: "a", zone: "a", kind: "data", address: "127.0.0.1", redisPort: 1, sentinelPort: 2, promotable: true },
  ],
  stacks: [],
};

const passwords = { app: "of-app", reader: "of-reader", "sentinel-client": "of-sentinel-client" };
const authority = "-----BEGIN CERTIFICATE-----\nof nobody\n-----END CERTIFICATE-----";
const shown = { certificate: "what a client shows", key: "and its key" };

const attempts = [1, 2, 5, 10, 20, 1000];
const errors = ["READONLY x", "NOREPLICAS x", "MASTERDOWN x", "MISCONF x", "LOADING x", "ERR READONLY"];

/** What options are and do, as JSON: each function stands for its answers. */
const described = `(options) => JSON.stringify({
  ...options,
  retryStrategy: ${JSON.stringify(attempts)}.map(options.retryStrategy),
  sentinelRetryStrategy: ${JSON.stringify(attempts)}.map(options.sentinelRetryStrategy),
  reconnectOnError: ${JSON.stringify(errors)}.map((message) => options.reconnectOnError(new Error(message))),
})`;
const describe = eval(described) as (options: object) => string;

it.each([
  ["show nothing of themselves", { authority }],
  ["show a certificate", { authority, ...shown }],
])(
  "the drill's recommended clients have exactly the options of redis-ha connect --ioredis: they %s",
  async (_, tls) => {
    const logins = { passwords, tls };
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "rha-"));
    try {
      await fs.symlink(path.join(project, "node_modules"), path.join(folder, "node_modules"));
      await fs.writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
      const printed = ioredisModule("local", inventory, tls);
      expect(printed).not.toContain(shown.key);
      await fs.writeFile(path.join(folder, "redis.ts"), printed);
      await fs.writeFile(
        path.join(folder, "use.ts"),
        `import { createReader, options } from "./redis.ts";
       const reader = createReader();
       const { role, preferredSlaves, username, password } = reader.options;
       reader.disconnect();
       const picked = (preferredSlaves as (list: object[]) => object | null);
       console.log((${described})(options));
       console.log(JSON.stringify([role, username, password, picked([{ ip: "x" }]), picked([])]));`,
      );
      const { stdout } = await execa(process.execPath, ["--import", "tsx", "use.ts"], {
        cwd: folder,
        env: passwordsFor({ logins }),
        timeout: 20_000,
      });
      const [options = "", reader = ""] = stdout.split("\n");
      expect(JSON.parse(options)).toEqual(JSON.parse(describe(recommendedOptions(inventory, "master", logins))));
      expect(printed).toContain(`}, ${HEARTBEAT_MS});`);

      const { role, preferredSlaves, username, password } = recommendedOptions(inventory, "slave", logins);
      const picked = preferredSlaves as (list: object[]) => object | null;
      expect(JSON.parse(reader)).toEqual([role, username, password, picked([{ ip: "x" }]), picked([])]);
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  },
);

it(
  "a client waits ever longer for a server that loads its files, and is there when it has",
  { timeout: 60_000 },
  async () => {
    await withFolder(async (folder) => {
      const port = 16_990;
      const conf = `port ${port}\nbind 127.0.0.1\nappendonly yes\n`;
      const filled = await launchRedis({ folder, conf, port });
      await filled.client.mset(...Array.from({ length: 20_000 }, (_, index) => [`key:${index}`, "value"]).flat());
      await filled.client.bgrewriteaof();
      await expect.poll(() => filled.client.info("persistence")).toContain("aof_rewrite_in_progress:0");
      await filled.stop();

      // Some 0.2 ms a key, four seconds in all, and answers meanwhile.
      const slowly = ["--key-load-delay", "150", "--loading-process-events-interval-bytes", "1024"];
      const state = path.join(folder, "state");
      const listening = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", state, "--appendonly", "yes"];
      const server = execa("redis-server", [...listening, ...slowly], { reject: false, stdio: "ignore" });
      const { sentinels, username, password, ...options } = recommendedOptions(inventory, "master", { passwords });
      expect([username, password]).toEqual(["app", "of-app"]);
      expect(sentinels).toHaveLength(1);
      const client = new Redis({ ...options, host: "127.0.0.1", port });
      client.on("error", () => undefined);
      try {
        expect(await client.get("key:19999")).toBe("value");
        const connections = /total_connections_received:(\d+)/.exec(await client.info("stats"))?.[1];
        // At a pause of 25 ms each they were 83, and 29 with one that grows.
        expect(Number(connections)).toBeLessThan(55);
      } finally {
        client.disconnect();
        server.kill();
        await server;
      }
    });
  },
);
