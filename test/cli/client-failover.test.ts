import fs from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ioredisModule } from "../../cli/client-options.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

let cluster: ClusterFixture;
beforeAll(async () => {
  cluster = await ClusterFixture.start({ port: 17100, downAfterMs: 1000 });
}, 40_000);
afterAll(() => cluster?.end());

it("the printed client goes on at the new master when the old one hangs, without an error or a lost write", async () => {
  await fs.symlink(path.join(project, "node_modules"), path.join(cluster.root, "node_modules"));
  await fs.writeFile(path.join(cluster.root, "package.json"), '{ "type": "module" }');
  await fs.writeFile(path.join(cluster.root, "redis.ts"), ioredisModule("local", cluster.inventory));
  // Writes one key after the other and ends a second after the first long gap.
  const script = `
    import { createClient } from "./redis.ts";
    const client = createClient();
    let [written, last, longest] = [0, 0, 0];
    for (let end = Infinity; performance.now() < end; ) {
      await client.set("key:" + written, "x");
      if (written++ === 0) console.log("writing");
      else longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (longest > 900 && end === Infinity) end = last + 1000;
      await new Promise((done) => setTimeout(done, 10));
    }
    console.log(JSON.stringify({ written, longest, found: await client.dbsize() }));
    await client.quit();`;
  await fs.writeFile(path.join(cluster.root, "use.ts"), script);
  const client = execa(process.execPath, ["--import", "tsx", "use.ts"], { cwd: cluster.root, timeout: 25_000 });
  await new Promise((resolve) => client.stdout.once("data", resolve));
  cluster.hang("redis-a/redis");
  const { stdout } = await client;
  const { written, longest, found } = JSON.parse(stdout.split("\n").at(-1) ?? "") as Record<string, number>;
  expect(found).toBe(written);
  // down-after 1 s, about 1.3 s for Sentinel, then at most one socketTimeout and one attempt at the old master.
  expect(longest).toBeLessThan(8000);
}, 40_000);
