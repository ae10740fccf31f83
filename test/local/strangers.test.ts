import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withConnection } from "../../cluster/connection.ts";
import { askSentinels } from "../../cluster/answers.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";
import { launchRedis, withFolder } from "../support/redis-process.ts";

const base = 18800;
/** Sentinel makes a replica of a master on a known replica's port after 8 s (four publish periods). */
const SENTINEL_CONVERTS_MS = 10_000;

/** Somebody's own Redis on a port that a node has, had, or will have: it is never followed, and never changed. */
describe.sequential("a Redis that is none of ours", () => {
  let checkout: Checkout;
  const three = threeNodes("local", base);

  beforeEach(async () => {
    checkout = await createCheckout(three);
    expect((await checkout.synth()).code).toBe(0);
  });
  afterEach(() => checkout?.remove());

  /** Runs `use` while a stranger with a key listens on a port, and sees that the stranger stays what it was. */
  const withStranger = (port: number, use: () => Promise<void>): Promise<void> =>
    withFolder(async (folder) => {
      const stranger = await launchRedis({ folder, port, conf: `bind 127.0.0.1\nport ${port}\n` });
      await stranger.client.set("whose", "foreign");
      await use();
      expect(await stranger.client.get("whose")).toBe("foreign");
      expect(await stranger.client.role()).toEqual(["master", expect.any(Number), []]);
      await stranger.stop();
    });
  const whose = (cluster: Cluster, node: string) =>
    withConnection(cluster.endpoint(node), (redis) => redis.get("whose"));
  const up = async (cluster: Cluster): Promise<void> => {
    for (const node of cluster.names) {
      for (const step of ["install", "apply"] as const) {
        const { code, all } = await checkout.host(step, "local", node);
        expect(code, all).toBe(0);
      }
    }
  };

  it("on the port of a node that is applied later: the first node says so, and nothing is started", async () => {
    await withStranger(base + 2, async () => {
      const { code, all } = await checkout.host("install", "local", "redis-a");
      expect(code).toBe(1);
      expect(all).toContain(`port ${base + 2}, meant for redis-server of redis-b, is taken by redis-server`);
    });
  });

  it("on the port of a node that is not applied yet, although nobody looked: no Sentinel is told of it", async () => {
    await checkout.host("apply", "local", "redis-a");
    await checkout.host("retire", "local", "redis-a");
    await withStranger(base + 2, async () => {
      await checkout.host("apply", "local", "redis-a");
      // Without the check, the Sentinel that just started converts the stranger after about 8 s.
      await new Promise((resolve) => setTimeout(resolve, SENTINEL_CONVERTS_MS));
    });
  });

  it("on the port of a master that is stopped: its replicas do not follow it", async () => {
    const cluster = new Cluster(three, () => checkout);
    await up(cluster);
    await cluster.whole();
    await withConnection(cluster.endpoint("redis-a"), (redis) => redis.set("whose", "ours"));
    for (const node of cluster.names.toReversed()) await checkout.host("retire", "local", node);
    await withStranger(base + 1, async () => {
      // One that speaks no TLS is as silent as a server that is down: redis-b starts, and has no link.
      await checkout.host("apply", "local", "redis-b");
      expect(await whose(cluster, "redis-b")).toBe("ours");
      expect((await cluster.state("redis-b"))?.link).toBe("down");
    });
    await up(cluster);
    await cluster.whole();
    for (const node of cluster.names) expect(await whose(cluster, node), node).toBe("ours");
  });

  it("on the former port of a node that was given another one: nobody follows it", async () => {
    const cluster = new Cluster(three, () => checkout);
    await up(cluster);
    await cluster.whole();
    await withConnection(cluster.endpoint("redis-a"), (redis) => redis.set("whose", "ours"));
    for (const node of cluster.names.toReversed()) await checkout.host("retire", "local", node);

    const moved: EnvironmentInput = {
      ...three,
      zones: { ...three.zones, a: { nodes: [{ name: "redis-a", port: base + 9, sentinelPort: base + 11 }] } },
    };
    checkout.describe(moved);
    expect((await checkout.synth()).code).toBe(0);
    await withStranger(base + 1, async () => {
      const after = new Cluster(moved, () => checkout);
      await up(after);
      expect(await after.whole()).toBe("redis-a");
      for (const node of after.names) expect(await whose(after, node), node).toBe("ours");
    });
  });

  it("on the port of a node that was removed: the Sentinels forget that node", async () => {
    const four: EnvironmentInput = {
      ...three,
      zones: { ...three.zones, d: { nodes: [{ name: "redis-d", runs: ["redis"], port: base + 4 }] } },
    };
    checkout.describe(four);
    expect((await checkout.synth()).code).toBe(0);
    const cluster = new Cluster(four, () => checkout);
    await up(cluster);
    await cluster.whole();
    await checkout.host("retire", "local", "redis-d");
    checkout.describe(three);
    expect((await checkout.synth()).code).toBe(0);
    await withStranger(base + 4, async () => {
      await up(new Cluster(three, () => checkout));
      for (const { node, state } of await askSentinels(cluster.topology.nodes, cluster.topology.masterName)) {
        expect(
          state?.replicas.map(({ port }) => port),
          node.name,
        ).not.toContain(base + 4);
      }
    });
  });
});
