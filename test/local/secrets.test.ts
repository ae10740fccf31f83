import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NodeSecrets } from "../../topology/node-secrets.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { filesWith, secretValues } from "../support/stored-secrets.ts";

/** Nobody has to begin with a command for secrets on a computer of their own. */
describe.sequential("secrets of a cluster on this computer", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17980), "terraform");
  });
  afterAll(() => cluster?.remove());
  const home = (): string => path.dirname(cluster.checkout.root);
  const share = (node: string): string => cluster.folder(node).secrets;
  const values = (): string[] => secretValues(path.dirname(path.dirname(fileOf("users/app"))));
  /** A stored value's file. */
  const fileOf = (name: string): string => {
    const found = fs
      .readdirSync(path.join(home(), "data"), { recursive: true, encoding: "utf8" })
      .find((each) => each.endsWith(`/local/${name}`));
    if (!found) throw new Error(`${name} is not stored`);
    return path.join(home(), "data", found);
  };

  it("are made by the first start, and each node has its share, for its user alone", () => {
    expect(values().length).toBeGreaterThan(10);
    for (const node of cluster.cluster.names) {
      const [file, folder] = [share(node), path.dirname(share(node))];
      expect([fs.statSync(folder).mode & 0o777, fs.statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
      const { passwords } = JSON.parse(fs.readFileSync(file, "utf8")) as NodeSecrets;
      expect(passwords.admin).toBe(fs.readFileSync(fileOf("users/admin"), "utf8").trim());
    }
  });

  it("are nowhere else than where the servers read them and write them down: not in state, output, logs or the checkout", () => {
    const allowed = cluster.cluster.names.flatMap((node) => {
      const { root, runtimeConf, sentinelState } = cluster.folder(node);
      return [
        ...["secrets.json", "node.key", "redis.conf", "sentinel.conf"].map((file) => path.join(root, "secrets", file)),
        runtimeConf,
        sentinelState,
      ];
    });
    for (const folder of [cluster.checkout.root, path.join(home(), "state")]) {
      expect(filesWith(folder, values()).filter((file) => !allowed.includes(file))).toEqual([]);
    }
    for (const file of allowed) expect(fs.statSync(file).mode & 0o777, file).toBe(0o600);
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
