import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NodeSecrets } from "../../topology/node-secrets.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** Nobody has to begin with a command for secrets on a computer of their own. */
describe.sequential("secrets of a cluster on this computer", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17980));
  });
  afterAll(() => cluster?.remove());
  const share = (node: string): string => cluster.folder(node).secrets;

  it("are made by the first apply, and each node has its share, for its user alone", () => {
    for (const node of cluster.cluster.names) {
      const [file, folder] = [share(node), path.dirname(share(node))];
      expect([fs.statSync(folder).mode & 0o777, fs.statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
      const { passwords } = JSON.parse(fs.readFileSync(file, "utf8")) as NodeSecrets;
      expect(passwords.admin).toBe(
        fs.readFileSync(path.join(cluster.checkout.store("local"), "users", "admin"), "utf8").trim(),
      );
    }
  });

  it("come back by converge when a node has lost them", async () => {
    const before = fs.readFileSync(share("redis-b"), "utf8");
    fs.rmSync(share("redis-b"));
    const { code, all } = await cluster.checkout.redisHa("converge");
    expect(code, all).toBe(0);
    expect(all).toContain("redis-b: secrets written");
    expect(fs.readFileSync(share("redis-b"), "utf8")).toBe(before);
  });
});
