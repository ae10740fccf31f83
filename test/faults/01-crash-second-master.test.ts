import { directLoginOf } from "../../cli/client-options.ts";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { Crashes } from "../support/crashes.ts";

/** A master's process dies when another node has become master: nobody else may be made one. */
describe.sequential("1: a master's process dies beside another master", () => {
  let crashes: Crashes;
  beforeAll(async () => {
    crashes = new Crashes(await AppliedCluster.start(threeNodes("local", 17_580)));
  });
  afterEach(() => crashes.end());
  afterAll(() => crashes?.cluster.remove());

  describe("it is master no more: its agent notices only when Sentinel has promoted a replica", () => {
    const late = ["everyNodeAnswers", "sampled", "inTime", "noOtherMaster", "sentinelsNameUs", "noFailover"];
    it.each<[string, readonly string[]]>([
      ["no second node is made master", []],
      ["without the conditions, two nodes are made master", late],
    ])("%s", async (_, without) => {
      const seen = [await mastersAfter(without)];
      // Agent and Sentinel choose one of two replicas each, and may choose the same.
      while (without.length > 0 && seen.at(-1) !== 2 && seen.length < 6) seen.push(await mastersAfter(without));
      expect(seen.at(-1), crashes.decision()).toBe(without.length === 0 ? 1 : 2);
    });

    async function mastersAfter(without: readonly string[]): Promise<number> {
      await crashes.begin();
      await crashes.agentWithout(without);
      const keys = await crashes.write(10, "acknowledged");
      const agent = crashes.pid(crashes.master, "agent");
      crashes.hang(agent);
      crashes.crash();
      // The Sentinels still name the old one, for most of a second.
      const promoted = async (): Promise<true | undefined> => (await crashes.otherMasters()).length > 0 || undefined;
      await waitFor("a replica is promoted", promoted, 45_000, 5);
      crashes.resume(agent);
      const most = await crashes.mostOtherMasters(3000);
      if (without.length === 0) expect(await crashes.lost(keys)).toBe(0);
      return most;
    }
  });

  it.each([
    ["and its server died meanwhile", true],
    ["and goes on", false],
  ])("its whole node has stood still, another one is master, %s: it comes back as a replica", async (_, died) => {
    await crashes.begin();
    const { master, cluster } = crashes;
    const [agent, server, sentinel] = (["agent", "redis", "sentinel"] as const).map((name) =>
      crashes.pid(master, name),
    );
    // As a virtual machine does that is moved.
    for (const each of [agent, server, sentinel]) crashes.hang(each as number);
    const named = await waitFor(
      "another master",
      async () => {
        const [fresh] = await crashes.otherMasters();
        const answers = (await cluster.sentinels()).flatMap(({ state }) => state ?? []);
        const agreed = fresh && answers.every((state) => state.master.port === cluster.endpoint(fresh).port);
        return agreed ? fresh : undefined;
      },
      45_000,
      50,
    );
    if (died) process.kill(server as number, "SIGKILL");
    let taken = 0;
    const stray = new Redis({
      host: cluster.endpoint(master).address,
      port: cluster.endpoint(master).port,
      ...directLoginOf("master", cluster.cluster.logins),
      maxRetriesPerRequest: 0,
    });
    stray.on("error", () => undefined);
    for (const each of [server, sentinel, agent]) crashes.resume(each as number);
    const end = Date.now() + 4000;
    const probing = (async () => {
      while (Date.now() < end) {
        await stray.set("stray", "1").then(
          () => taken++,
          () => undefined,
        );
        await delay(2);
      }
      stray.disconnect();
    })();
    expect(await crashes.mostOtherMasters(4000)).toBe(1);
    await probing;
    // Server and agent go on at the same time: a few, until the fence is there.
    console.log(`${taken} writes taken by a master that stood still, and is none any more`);
    expect(taken).toBeLessThan(50);
    expect(await cluster.cluster.whole(60_000)).toBe(named);
    expect((await cluster.cluster.state(master))?.role).toBe("replica");
    await cluster.verified();
  });
});
