import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import { askSentinels } from "../../cluster/answers.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

const base = 18300;
const three = threeNodes("local", base);
const withZoneD = (nodes: EnvironmentInput["zones"][string]["nodes"]): EnvironmentInput => ({
  ...three,
  zones: { ...three.zones, d: { nodes } },
});
const four = withZoneD([{ name: "redis-d", runs: ["redis"], port: base + 4 }]);
const emptied = withZoneD([]);

/** Nodes and zones come and go by editing the environment and applying. The steps build on each other. */
describe.sequential("membership", () => {
  let checkout: Checkout;

  const apply = async (...arguments_: string[]): Promise<string> => {
    const { code, all } = await checkout.terragrunt("local", "run-all", "apply", "--non-interactive", ...arguments_);
    expect(code, all.slice(-3000)).toBe(0);
    return all;
  };
  const verified = async (): Promise<void> => {
    const { code, all } = await checkout.redisHa("verify", "--env", "local", "--wait", "30");
    expect(code, all).toBe(0);
  };

  beforeAll(async () => {
    checkout = await createCheckout(three);
    // A first synth writes the units of this environment.
    const { code, all } = await checkout.synth();
    if (code !== 0) throw new Error(all);
    await apply("-auto-approve");
    await verified();
  });
  afterAll(() => checkout?.remove());

  it("a zone that is added brings a replica; Terragrunt's unit for it is written by the synth", async () => {
    await withConnection(new Cluster(three, () => checkout).endpoint("redis-a"), (redis) => redis.set("k", "v"));
    checkout.describe(four);
    expect((await checkout.synth()).code).toBe(0);
    await apply("-auto-approve");
    await verified();
    const cluster = new Cluster(four, () => checkout);
    expect((await cluster.state("redis-d"))?.link).toBe("up");
    expect(await withConnection(cluster.endpoint("redis-d"), (redis) => redis.get("k"))).toBe("v");
  });

  it("a zone that is emptied has its node retired, and every Sentinel forgets it", async () => {
    checkout.describe(emptied);
    await apply("-auto-approve");
    expect(await isListening({ address: "127.0.0.1", port: base + 4 })).toBe(false);
    expect(checkout.pid("local", "redis-d", "agent")).toBeUndefined();
    const { topology } = new Cluster(emptied, () => checkout);
    for (const { node, state } of await askSentinels(topology.nodes, topology.masterName)) {
      expect(
        state?.replicas.map(({ port }) => port),
        `replicas that ${node.name} knows`,
      ).not.toContain(base + 4);
      expect(state?.replicas).toHaveLength(2);
    }
    await verified();
  });

  it("the zone can be filled again", async () => {
    checkout.describe(four);
    await apply("-auto-approve");
    await verified();
    expect(await withConnection(new Cluster(four, () => checkout).endpoint("redis-d"), (redis) => redis.get("k"))).toBe(
      "v",
    );
  });

  it("a node can be renamed: the new one waits for the port of the old one, and gets the data", async () => {
    const renamed = withZoneD([{ name: "reports-d", runs: ["redis"], port: base + 4 }]);
    checkout.describe(renamed);
    await apply("-auto-approve");
    await verified();
    expect(checkout.pid("local", "redis-d", "redis")).toBeUndefined();
    expect(
      await withConnection(new Cluster(renamed, () => checkout).endpoint("reports-d"), (redis) => redis.get("k")),
    ).toBe("v");
    checkout.describe(four);
    await apply("-auto-approve");
    await verified();
  });

  it("the master itself can be removed: its replicas have every write, and one of them takes over", async () => {
    const cluster = new Cluster(four, () => checkout);
    const former = await cluster.whole();
    await withConnection(cluster.endpoint(former), (redis) => redis.set("last", "write"));
    const zone = former.replace("redis-", "");
    const moved = Object.fromEntries(
      Object.entries(three.zones).map(([name, { nodes }]) => [name, { nodes: name === zone ? [] : nodes }]),
    );
    const without: EnvironmentInput = {
      ...three,
      zones: { ...moved, d: { nodes: [{ name: "redis-d", port: base + 4, sentinelPort: base + 14 }] } },
    };
    checkout.describe(without);
    await apply("-auto-approve");
    await verified();
    const master = await new Cluster(without, () => checkout).whole();
    expect(master).not.toBe(former);
    expect(
      await withConnection(new Cluster(without, () => checkout).endpoint(master), (redis) => redis.get("last")),
    ).toBe("write");
  });

  it("an apply that was killed half-way is finished by the next one", async () => {
    checkout.describe(four);
    expect((await checkout.synth()).code).toBe(0);
    for (const ms of [600, 1200, 2000, 3000]) {
      await checkout.killed(ms, "local", "run-all", "apply", "--non-interactive", "-auto-approve");
    }
    await apply("-auto-approve");
    await verified();
    expect(fs.existsSync(checkout.folder("local", "redis-d").redisConf)).toBe(true);
  });

  it("destroy ends everything, and a second one finds nothing to do", async () => {
    for (const round of [1, 2]) {
      const { code, all } = await checkout.terragrunt(
        "local",
        "run-all",
        "destroy",
        "--non-interactive",
        "-auto-approve",
      );
      expect(code, `round ${round}: ${all.slice(-2000)}`).toBe(0);
    }
    for (const offset of [1, 2, 3, 4, 11, 12, 13, 14]) {
      expect(await isListening({ address: "127.0.0.1", port: base + offset }), `port ${base + offset}`).toBe(false);
    }
  });

  it("applies again after a destroy, also when Terragrunt keeps its copies elsewhere, and the data is there again", async () => {
    const { code, all } = await checkout.run(
      path.join(checkout.root, "node_modules/.bin/terragrunt"),
      ["run", "--all", "--non-interactive", "--", "apply", "-auto-approve"],
      {
        cwd: path.join(checkout.root, "terragrunt", "local"),
        env: { TG_DOWNLOAD_DIR: path.join(path.dirname(checkout.root), "downloads") },
      },
    );
    expect(code, all.slice(-3000)).toBe(0);
    await verified();
    expect(await withConnection(new Cluster(four, () => checkout).endpoint("redis-d"), (redis) => redis.get("k"))).toBe(
      "v",
    );
  });
});
