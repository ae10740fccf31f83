import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import { processStart } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { localPair } from "../../environments/local-pair.ts";
import { type Checkout, createCheckout } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

/** The project's own smallest environment, moved to other ports so that a developer's own one can run meanwhile. */
function moved(environment: EnvironmentInput, by: number): EnvironmentInput {
  return {
    ...environment,
    zones: Object.fromEntries(
      Object.entries(environment.zones).map(([zone, { nodes }]) => [
        zone,
        {
          nodes: nodes.map((node) => ({
            ...node,
            ...(node.port === undefined ? {} : { port: node.port + by }),
            ...(node.sentinelPort === undefined ? {} : { sentinelPort: node.sentinelPort - by }),
          })),
        },
      ]),
    ),
  };
}

describe.sequential("one master, one replica and a witness, in plain text", () => {
  const environment = { ...moved(localPair, 12_300), access: { tls: false } };
  const { name } = environment;
  const cluster = new Cluster(environment, () => checkout);
  let checkout: Checkout;

  beforeAll(async () => {
    checkout = await createCheckout(environment);
  });
  afterAll(() => checkout?.remove());

  it("a start that was killed half-way is cleaned up by npm stop", async () => {
    await checkout.synth();
    await checkout.killed(2500, name, "run-all", "apply", "--non-interactive", "-auto-approve");
    const left = cluster.names.flatMap((node) =>
      (["agent", "redis", "sentinel"] as const).flatMap((each) => checkout.pid(name, node, each) ?? []),
    );
    const { code, all } = await checkout.stop(name);
    expect(code, all).toBe(0);
    expect(left.filter((pid) => processStart(pid))).toEqual([]);
    for (const node of cluster.topology.nodes) {
      for (const port of [node.redisPort, node.sentinelPort]) {
        expect(port !== undefined && (await isListening({ address: "127.0.0.1", port })), `port ${port}`).toBe(false);
      }
    }
  });

  it("comes up, with a witness that has a vote and no data", async () => {
    const { code, all } = await checkout.start(name);
    expect(code, all).toBe(0);
    expect(all).toContain("redis-a is master, 1 replica follows, 3 Sentinels agree");
  });

  it("goes on writing while its only replica is restarted", async () => {
    process.kill(checkout.pid(name, "redis-b", "redis") as number, "SIGKILL");
    expect(await withConnection(cluster.endpoint("redis-a"), (redis) => redis.set("k", "v"))).toBe("OK");
    await cluster.whole();
  });

  it("fails over by the votes of the replica's Sentinel and the witness", async () => {
    for (const each of ["agent", "redis", "sentinel"] as const) {
      process.kill(checkout.pid(name, "redis-a", each) as number, "SIGKILL");
    }
    expect(await cluster.masterOtherThan("redis-a")).toBe("redis-b");
    expect(await withConnection(cluster.endpoint("redis-b"), (redis) => redis.set("after", "failover"))).toBe("OK");
    const { code, all } = await checkout.start(name);
    expect(code, all).toBe(0);
    expect(all).toContain("redis-b is master, 1 replica follows, 3 Sentinels agree");
    expect(await withConnection(cluster.endpoint("redis-a"), (redis) => redis.get("after"))).toBe("failover");
  });

  it("cannot be switched to TLS while it runs: refused before anything is touched, and right after a stop", async () => {
    const pids = (): (number | undefined)[] => cluster.names.map((node) => checkout.pid(name, node, "sentinel"));
    const before = pids();
    checkout.describe({ ...environment, access: { tls: true } });
    expect((await checkout.synth()).code).toBe(0);
    // On a busy computer cdktf may lose the last words of a provisioner, so it is asked itself.
    for (const node of cluster.names) {
      const { code, all } = await checkout.host("apply", name, node);
      expect(code).toBe(1);
      expect(all).toContain("TLS was switched on or off");
    }
    expect(pids()).toEqual(before);
    checkout.describe(environment);
    expect((await checkout.start(name)).code).toBe(0);
    expect(pids()).toEqual(before);

    expect((await checkout.stop(name)).code).toBe(0);
    checkout.describe({ ...environment, access: { tls: true } });
    const { code, all } = await checkout.start(name);
    expect(code, all).toBe(0);
    expect((await checkout.stop(name)).code).toBe(0);
    checkout.describe(environment);
    expect((await checkout.start(name)).code).toBe(0);
    expect(await withConnection(cluster.endpoint("redis-a"), (redis) => redis.get("after"))).toBe("failover");
  });

  it("is ended by npm stop even when its state folder was removed while it ran", async () => {
    const agents = cluster.names.map((node) => checkout.pid(name, node, "agent") as number);
    const environmentFolder = path.dirname(checkout.folder(name, "redis-a").root);
    fs.rmSync(environmentFolder, { recursive: true, maxRetries: 10, retryDelay: 50 });
    const { code, all } = await checkout.stop(name);
    expect(code, all).toBe(0);
    expect(agents.filter((pid) => processStart(pid))).toEqual([]);
    for (const node of cluster.topology.nodes) {
      for (const port of [node.redisPort, node.sentinelPort]) {
        expect(port !== undefined && (await isListening({ address: "127.0.0.1", port })), `port ${port}`).toBe(false);
      }
    }
  });

  it("npm stop ends what runs also when the description is not valid any more", async () => {
    expect((await checkout.start(name)).code).toBe(0);
    checkout.describe({ ...environment, settings: { maxMemoryMb: -1 } });
    const { code, all } = await checkout.stop(name);
    expect(code).toBe(1);
    expect(all).toContain("settings.maxMemoryMb");
    expect(all).not.toContain("    at ");
    for (const node of cluster.names) expect(checkout.pid(name, node, "agent")).toBeUndefined();
    expect(await isListening(cluster.endpoint("redis-a"))).toBe(false);
  });
});
