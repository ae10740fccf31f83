import { loginOf } from "../../cli/client-options.ts";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { processStart, waitFor } from "../../agent/processes.ts";
import { sentinelEndpoint } from "../../cluster/answers.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import type { Load } from "../support/steady-writer.ts";

/** A failed attempt is repeated after twice failover-timeout, which is 10 s; the rest is the failover itself. */
const RETRIED_MS = 2 * 10_000 + 15_000;

/** Who carries a failover out, or is to become master by it, dies in the middle. */
describe.sequential("9: a kill during a failover", { timeout: 180_000 }, () => {
  let cluster: AppliedCluster;
  const listeners: Redis[] = [];
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17660));
  });
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.disconnect();
  });
  afterAll(() => cluster?.remove());

  /** Kills the master's node but for its Sentinel, and waits until there is another master and all is well. */
  const failover = async (meanwhile: (former: string) => Promise<unknown>): Promise<{ load: Load; ms: number }> => {
    const former = await cluster.master();
    let ms = 0;
    const load = await cluster.underLoad(async () => {
      const began = performance.now();
      cluster.kill(former, "agent", "redis");
      await meanwhile(former);
      await cluster.cluster.masterOtherThan(former, RETRIED_MS);
      ms = Math.round(performance.now() - began);
      for (const node of cluster.cluster.names) await cluster.apply(node);
      expect(await cluster.master()).not.toBe(former);
      await cluster.verified();
    });
    return { load, ms };
  };
  /** Sentinel promotes whom it finds best: what a client wrote without WAIT in the last moment may be lost, no more. */
  const expectLittleLost = ({ lost, acknowledged, errors }: Load): void => {
    expect(acknowledged).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual(1);
    expect(errors).toEqual([]);
  };

  it.each(["crash-after-election", "crash-after-promotion"])("the leading Sentinel: %s", async (moment) => {
    const nodes = cluster.cluster.names;
    for (const node of nodes) await cluster.sentinel(node, "SENTINEL", "SIMULATE-FAILURE", moment);
    const before = new Map(nodes.map((node) => [node, cluster.pid(node, "sentinel")]));
    let crashed = "";
    const { load, ms } = await failover(async () => {
      crashed = await waitFor(
        "a Sentinel crashes",
        () => nodes.find((node) => processStart(before.get(node) as number) === undefined),
        RETRIED_MS,
      );
      // Once is enough: to ask for help clears what was set.
      for (const node of nodes)
        await cluster.sentinel(node, "SENTINEL", "SIMULATE-FAILURE", "help").catch(() => undefined);
    });
    console.log(`${moment}: the Sentinel of ${crashed} died; another master after ${ms} ms`);
    expectLittleLost(load);
  });

  it.each([
    ["its agent starts it again", ["redis"] as const],
    ["its agent too", ["agent", "redis"] as const],
  ])("the replica that was selected; %s", async (_, processes) => {
    let selected = "";
    const {
      sentinelUsername: username,
      sentinelPassword: password,
      sentinelTLS: tls,
    } = loginOf("master", cluster.cluster.logins);
    const login = { username, password, ...(tls ? { tls } : {}) };
    for (const node of cluster.cluster.topology.nodes) {
      const { address, port } = sentinelEndpoint(node);
      const listener = new Redis({ host: address, port, protocol: 2, ...login });
      listeners.push(listener);
      listener.on("error", () => undefined);
      listener.on("message", (__, message: string) => {
        if (selected !== "") return;
        selected = cluster.cluster.names.find((name) => message.includes(`:${cluster.endpoint(name).port} `)) ?? "";
        if (selected !== "") cluster.kill(selected, ...processes);
      });
      await listener.subscribe("+selected-slave");
    }
    const { load, ms } = await failover(() =>
      waitFor("a replica is selected", () => selected || undefined, RETRIED_MS),
    );
    console.log(`${selected} was selected and killed with ${processes.join(" and ")}; another master after ${ms} ms`);
    expectLittleLost(load);
  });
});
