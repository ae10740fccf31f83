import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { localPair } from "../../environments/local-pair.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** As redis counts it: whole seconds, looked at once a second, beside the two of min-replicas-max-lag. */
const REFUSES_WITHIN_MS = 4000;
/** A machine that is busy with other things may need this much longer. */
const SLACK_MS = 1500;

/** The pair that the project comes with, on ports of this test. */
const pairBase = 17700;
const pair: EnvironmentInput = {
  ...localPair,
  zones: Object.fromEntries(
    Object.entries(localPair.zones).map(([zone, { nodes }], index) => [
      zone,
      {
        nodes: nodes.map((node) => ({
          ...node,
          ...(node.port === undefined ? {} : { port: pairBase + 1 + index }),
          sentinelPort: pairBase + 11 + index,
        })),
      },
    ]),
  ),
};

/** What a server says to a write at this moment: `OK`, or the first word of its refusal. */
async function writeTo(redis: Redis): Promise<string> {
  return redis.set("probe", "1").catch((error: Error) => error.message.split(" ")[0] ?? "");
}

describe.sequential("10: replicas of three nodes are down", () => {
  let cluster: AppliedCluster;

  /** Until the master answers a write so. @returns how long that took, in milliseconds */
  const untilAnswered = (node: string, answer: string, timeoutMs: number): Promise<number> =>
    withConnection(cluster.endpoint(node), async (redis) => {
      const started = performance.now();
      const answered = async (): Promise<true | undefined> => (await writeTo(redis)) === answer || undefined;
      await waitFor(`the master answers a write with ${answer}`, answered, timeoutMs);
      return Math.round(performance.now() - started);
    });
  /** The master took no writes, and takes them again when one replica is there; then the other one comes, too. */
  const refusedUntilBack = async (down: () => void, firstBack: () => void, rest: () => void): Promise<void> => {
    const master = await cluster.master();
    let changes: string[] = [];
    const load = await cluster.underLoad(async (writer) => {
      changes = await cluster.masterChanges(async () => {
        down();
        const refused = await untilAnswered(master, "NOREPLICAS", REFUSES_WITHIN_MS + SLACK_MS);
        const { count } = writer;
        await delay(1000);
        expect(writer.count, "writes acknowledged while the master refuses them").toBeLessThanOrEqual(count + 1);
        firstBack();
        const taken = await untilAnswered(master, "OK", 10_000);
        console.log(`refuses writes after ${refused} ms, takes them ${taken} ms after a replica was started`);
        await waitFor("the client writes again", () => writer.count > count + 20 || undefined, 5000);
        rest();
      });
    });
    expectNothingLost(load);
    expect(changes).toEqual([]);
    await cluster.verified();
  };

  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17680));
  });
  afterAll(() => cluster?.remove());

  it.each([
    ["with its agent, which is started again later", ["agent", "redis"] as const],
    ["alone, and its agent starts it again", ["redis"] as const],
  ])("one redis is killed %s: writes go on", async (_, processes) => {
    const [node] = await cluster.replicas();
    const before = cluster.pid(node, "redis");
    let gapMs = 0;
    let changes: string[] = [];
    const load = await cluster.underLoad(async (writer) => {
      changes = await cluster.masterChanges(async () => {
        writer.takeGapMs();
        cluster.kill(node, ...processes);
        // Longer than Sentinel needs to see it as down.
        await delay(3000);
        gapMs = writer.takeGapMs();
        if (processes.length > 1) cluster.startAgent(node);
        await waitFor(
          "the replica is back",
          async () => (await cluster.cluster.state(node))?.link === "up" || undefined,
          20_000,
        );
      });
    });
    console.log(`${Math.round(gapMs)} ms without writes, ${load.acknowledged} acknowledged`);
    expectNothingLost(load);
    expect(gapMs).toBeLessThan(SLACK_MS);
    expect(changes).toEqual([]);
    expect(cluster.pid(node, "redis")).not.toBe(before);
    await cluster.verified();
  });

  it("both are killed with their agents: the master refuses writes until one of them is back", async () => {
    const [one, other] = await cluster.replicas();
    await refusedUntilBack(
      () => [one, other].forEach((node) => cluster.kill(node, "agent", "redis")),
      () => cluster.startAgent(one),
      () => cluster.startAgent(other),
    );
  });

  it("both hang: the master refuses writes until one of them goes on", async () => {
    const [one, other] = await cluster.replicas();
    try {
      await refusedUntilBack(
        () => [one, other].forEach((node) => cluster.signal("SIGSTOP", node, "redis")),
        () => cluster.signal("SIGCONT", one, "redis"),
        () => cluster.signal("SIGCONT", other, "redis"),
      );
    } finally {
      for (const node of [one, other]) cluster.signal("SIGCONT", node, "redis");
    }
  });
});

describe.sequential("10: the only replica of a pair with a witness is down", () => {
  let cluster: AppliedCluster;

  beforeAll(async () => {
    cluster = await AppliedCluster.start(pair);
  });
  afterAll(() => cluster?.remove());

  it.each([
    ["its redis and its agent", ["agent", "redis"] as const],
    ["all of its node", ["agent", "redis", "sentinel"] as const],
  ])("%s: writes go on", async (_, processes) => {
    const master = await cluster.master();
    const node = cluster.cluster.names.find((name) => name !== master && name !== "witness-c") as string;
    let gapMs = 0;
    const load = await cluster.underLoad(async (writer) => {
      writer.takeGapMs();
      cluster.kill(node, ...processes);
      // Longer than the master's agent, and Sentinel, need to see it.
      await delay(4000);
      gapMs = writer.takeGapMs();
      expect(await cluster.configValue(master, "min-replicas-to-write")).toBe("0");
      cluster.startAgent(node);
      await waitFor(
        "the replica is back",
        async () => (await cluster.cluster.state(node))?.link === "up" || undefined,
        20_000,
      );
    });
    console.log(`${Math.round(gapMs)} ms without writes, ${load.acknowledged} acknowledged`);
    expectNothingLost(load);
    expect(gapMs).toBeLessThan(SLACK_MS);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });

  it("without a majority of Sentinels each write waits for the replica's word; with one again, none does", async () => {
    const master = await cluster.master();
    const others = cluster.cluster.names.filter((name) => name !== master);
    const replica = others.find((name) => name !== "witness-c") as string;
    const minReplicas = (value: string): Promise<true> =>
      waitFor(
        `min-replicas-to-write is ${value}`,
        async () => (await cluster.configValue(master, "min-replicas-to-write")) === value || undefined,
        10_000,
      );
    const load = await cluster.underLoad(async (writer) => {
      for (const node of others) cluster.kill(node, "agent", "sentinel");
      await minReplicas("1");
      // Nobody could make the replica master now, but the master may be the one that is cut off.
      cluster.kill(replica, "redis");
      await withConnection(cluster.endpoint(master), async (redis) => {
        const refused = async (): Promise<true | undefined> => (await writeTo(redis)) === "NOREPLICAS" || undefined;
        await waitFor("the master refuses writes", refused, REFUSES_WITHIN_MS + SLACK_MS);
      });
      const { count } = writer;
      for (const node of others) cluster.startAgent(node);
      await minReplicas("0");
      await waitFor("the client writes again", () => writer.count > count + 20 || undefined, 10_000);
    });
    expectNothingLost(load);
    expect(await cluster.master()).toBe(master);
    await cluster.verified();
  });
});
