import fs from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ioredisModule } from "../../cli/client-options.ts";
import { passwordsFor } from "./run-cli.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

/** A service: one client writes, another only listens. Ends when both have found the new master. */
const service = `
  import { createClient } from "./redis.ts";
  const listener = createClient();
  let heard = "";
  listener.on("message", (channel: string, message: string) => (heard = message));
  await listener.subscribe("news");

  const client = createClient();
  let [written, last, longest] = [0, 0, 0];
  for (let end = Infinity; performance.now() < end || heard !== "after"; ) {
    await client.set("key:" + written, "x");
    if (written++ === 0) console.log("writing");
    else longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (longest > 900) {
      if (end === Infinity) end = last + 1000;
      await client.publish("news", "after");
    }
    await new Promise((done) => setTimeout(done, 10));
  }
  console.log(JSON.stringify({ written, longest, found: await client.dbsize() }));
  await Promise.all([client.quit(), listener.quit()]);`;

let cluster: ClusterFixture;
beforeEach(async () => {
  cluster = await ClusterFixture.start({ port: 17100, downAfterMs: 1000 });
  await fs.symlink(path.join(project, "node_modules"), path.join(cluster.root, "node_modules"));
  await fs.writeFile(path.join(cluster.root, "package.json"), '{ "type": "module" }');
  await fs.writeFile(
    path.join(cluster.root, "redis.ts"),
    ioredisModule("local", cluster.inventory, cluster.logins.tls),
  );
  await fs.writeFile(path.join(cluster.root, "service.ts"), service);
}, 40_000);
afterEach(() => cluster?.end());

const minReplicas = (count: string): Promise<unknown> =>
  cluster.redis("redis-a", (redis) => redis.config("SET", "min-replicas-to-write", count));

it.each<["hangs" | "crashes" | "is fenced for 1.5 s"]>([["hangs"], ["crashes"], ["is fenced for 1.5 s"]])(
  "the printed clients go on without an error or a lost write when the master %s",
  async (fault) => {
    const args = ["--import", "tsx", "service.ts"];
    const running = execa(process.execPath, args, { cwd: cluster.root, env: passwordsFor(cluster), timeout: 25_000 });
    await Promise.race([new Promise((resolve) => running.stdout.once("data", resolve)), running]);
    if (fault === "hangs") cluster.hang("redis-a/redis");
    if (fault === "crashes") await cluster.stop("redis-a/redis");
    if (fault === "is fenced for 1.5 s") {
      await minReplicas("99");
      await sleep(1500);
      await minReplicas("1");
    }
    const { stdout } = await running;
    const { written, longest, found } = JSON.parse(stdout.split("\n").at(-1) ?? "") as Record<string, number>;
    expect(found).toBe(written);
    // down-after 1 s, about 1.3 s for Sentinel, at most one socketTimeout, one attempt at the old master, and a slow computer.
    expect(longest).toBeLessThan(8000);
  },
  40_000,
);
