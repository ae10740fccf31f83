import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeAtomically } from "../../agent/node-folder.ts";
import { waitFor } from "../../agent/processes.ts";
import { withConnection } from "../../cluster/connection.ts";
import { threeNodes } from "../support/checkout.ts";
import { Wreckage } from "../support/wreckage.ts";

/** Every kind of lost or wrong state: verify names it, repair mends it, and no key is lost. */
describe.sequential("lost and wrong state", () => {
  let wreckage: Wreckage;
  let names: string[];
  let masterName: string;
  let master: string;

  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 18850));
    ({ names } = wreckage.cluster);
    ({ masterName } = wreckage.cluster.topology);
    await wreckage.write();
    // Epochs above 0: a fresh cluster never shows what an old one does.
    await wreckage.failOver();
  });
  afterAll(() => wreckage?.remove());
  beforeEach(async () => {
    master = await wreckage.cluster.whole();
    await wreckage.write();
  });

  /** Makes a running Sentinel watch a node, as somebody does by hand. */
  async function monitor(sentinel: string, node: string): Promise<void> {
    const { address, port } = wreckage.cluster.endpoint(node);
    await wreckage.sentinel(sentinel, "REMOVE", masterName);
    await wreckage.sentinel(sentinel, "MONITOR", masterName, address, port, 2);
  }
  const failing = async (): Promise<string[]> => (await wreckage.failing()).map(({ id, node }) => `${id} ${node}`);
  const namesReplica = (text: string, node: string): string => {
    const { address, port } = wreckage.cluster.endpoint(node);
    return text.replace(/^(sentinel monitor \S+) \S+ \d+/m, `$1 ${address} ${port}`);
  };

  const withEpoch = (text: string, epoch: number): string =>
    text.replaceAll(/^(sentinel (?:current-epoch|(?:config|leader)-epoch \S+)) \d+$/gm, `$1 ${epoch}`);

  it("nothing is touched where nothing is wrong", async () => {
    expect(await wreckage.mended()).toEqual([]);
  });

  it("one sentinel.conf lost: its Sentinel comes back with what its peers know", async () => {
    await wreckage.kill("redis-b", "agent", "sentinel");
    fs.rmSync(wreckage.folder("redis-b").sentinelState);
    expect(await wreckage.mended()).toEqual(["redis-b: agent and servers started"]);
    expect(await wreckage.cluster.whole()).toBe(master);
    expect(await wreckage.epoch("redis-b")).toBe(await wreckage.epoch("redis-a"));
  });

  it("lost with its host, and back while the others are replacing the master: it follows them", async () => {
    const others = names.filter((name) => name !== master);
    await wreckage.kill(master, "agent", "redis", "sentinel");
    fs.rmSync(wreckage.folder(master).sentinelState);
    // From the promotion on until all replicas follow, the leading Sentinel names the former master with the epoch of the next.
    const isMaster = (name: string): Promise<string | undefined> =>
      withConnection(wreckage.cluster.endpoint(name), (redis) => redis.role()).then(
        ([role]) => (role === "master" ? name : undefined),
        () => undefined,
      );
    const promoted = async (): Promise<string | undefined> => (await Promise.all(others.map(isMaster))).find(Boolean);
    const next = await waitFor("a replica is promoted", promoted, 10_000, 5);
    const [last] = others.filter((name) => name !== next) as [string];
    const { sentinelState } = wreckage.folder(master);
    const hangs = wreckage.checkout.pid("local", last, "redis") as number;
    process.kill(hangs, "SIGSTOP");
    try {
      wreckage.startAgent(master);
      await waitFor("the Sentinel has its state again", () => fs.existsSync(sentinelState) || undefined, 5000, 5);
    } finally {
      process.kill(hangs, "SIGCONT");
    }
    expect(await wreckage.cluster.whole()).toBe(next);
    await wreckage.holds();
  });

  it("all of them lost, and all Sentinels down: they come back with the master that the data nodes know", async () => {
    for (const node of names) await wreckage.kill(node, "agent", "sentinel");
    for (const node of names) fs.rmSync(wreckage.folder(node).sentinelState);
    await wreckage.mended();
    expect(await wreckage.cluster.whole()).toBe(master);
  });

  it("all of them lost while everything is down: the master is the one that it was", async () => {
    await wreckage.failOver();
    const last = await wreckage.failOver();
    await wreckage.write();
    await wreckage.killAll();
    for (const node of names) fs.rmSync(wreckage.folder(node).sentinelState);
    for (const node of names) wreckage.startAgent(node);
    expect(await wreckage.cluster.whole()).toBe(last);
    await wreckage.holds();
  });

  it("all Sentinels watch a replica", async () => {
    const replica = await wreckage.replica();
    for (const node of names) await monitor(node, replica);
    const found = (await wreckage.failing()).filter(({ id }) => id === "sentinel-names-master");
    expect(found).toMatchObject(
      names.map((node) => ({
        node,
        message: `the Sentinel of ${node} names ${replica}, which is a replica, not ${master}`,
        remedy: "npx redis-ha repair --env local",
      })),
    );
    expect(await wreckage.mended()).toContain(`every Sentinel was told that ${master} is master`);
    expect(await wreckage.cluster.whole()).toBe(master);
  });

  it("all three state files were seeded by hand with a replica: the data nodes' word counts", async () => {
    const replica = await wreckage.replica();
    for (const node of names) await wreckage.kill(node, "agent", "sentinel");
    for (const node of names) wreckage.editState(node, (text) => namesReplica(text, replica));
    for (const node of names) wreckage.startAgent(node);
    await waitFor("the former master is named", async () => (await wreckage.cluster.master()) || undefined, 10_000);
    expect(await wreckage.cluster.whole()).toBe(master);
    await wreckage.mended();
  });

  it("a Sentinel with an old view and a higher epoch has overruled the others", async () => {
    const replica = await wreckage.replica();
    await wreckage.kill("redis-c", "agent", "sentinel");
    wreckage.editState("redis-c", (text) => withEpoch(namesReplica(text, replica), 50));
    wreckage.startSentinelPlainly("redis-c");
    // Not by verify, which takes its time: seconds later they fail over to the replica, and it is the master.
    const { address, port } = wreckage.cluster.endpoint(replica);
    const overruled = async (): Promise<true | undefined> => {
      const named = await Promise.all(
        names.map((node) => wreckage.sentinel(node, "GET-MASTER-ADDR-BY-NAME", masterName).catch(() => undefined)),
      );
      return named.every((reply) => isDeepStrictEqual(reply, [address, `${port}`])) || undefined;
    };
    await waitFor("all Sentinels name the replica", overruled, 15_000, 20);
    await wreckage.mended();
    expect(await wreckage.cluster.whole()).toBe(master);
    expect(await wreckage.epoch("redis-a")).toBeGreaterThan(50);
  });

  it("a Sentinel names a replica with the epoch that all have: its agent has it ask the others", async () => {
    const replica = await wreckage.replica();
    const node = names.find((name) => name !== master && name !== replica) as string;
    const epoch = await wreckage.epoch(master);
    await wreckage.kill(node, "agent", "sentinel");
    wreckage.editState(node, (text) => withEpoch(namesReplica(text, replica), epoch));
    wreckage.startSentinelPlainly(node);
    await waitFor("the Sentinel answers", () => wreckage.epoch(node).catch(() => undefined), 5000);
    // Its fellows tell it who is master every 2 s, in vain.
    await delay(5000);
    const named = await wreckage.sentinel(node, "GET-MASTER-ADDR-BY-NAME", masterName);
    expect(named).toEqual(["127.0.0.1", String(wreckage.cluster.endpoint(replica).port)]);
    wreckage.startAgent(node);
    expect(await wreckage.cluster.whole()).toBe(master);
    await wreckage.holds();
  });

  it("the same when everything starts at once: the stale Sentinel gives in", async () => {
    const replica = await wreckage.replica();
    await wreckage.killAll();
    wreckage.editState("redis-c", (text) => withEpoch(namesReplica(text, replica), 90));
    for (const node of names) wreckage.startAgent(node);
    expect(await wreckage.cluster.whole()).toBe(master);
    await wreckage.mended();
  });

  it("one Sentinel watches nothing, and one another node", async () => {
    const replica = await wreckage.replica();
    await wreckage.sentinel("redis-a", "REMOVE", masterName);
    const [blind] = await wreckage.failing();
    expect(blind).toMatchObject({
      id: "sentinel-reachable",
      node: "redis-a",
      remedy: "npx redis-ha repair --env local",
    });
    expect(blind?.message).toContain(`the Sentinel of redis-a does not watch ${masterName}`);
    await wreckage.mended();
    await monitor("redis-b", replica);
    // It may have corrected itself by then; its timings, which MONITOR began anew, stay Sentinel's own.
    await wreckage.repair();
    await wreckage.checkout.redisHa("converge", "--env", "local");
    await wreckage.holds();
    expect(await wreckage.cluster.whole()).toBe(master);
  });

  it("a ghost replica and a ghost Sentinel", async () => {
    await wreckage.kill("redis-b", "agent", "sentinel");
    wreckage.editState(
      "redis-b",
      (text, name) =>
        `${text}\nsentinel known-replica ${name} 127.0.0.1 18898\n` +
        `sentinel known-sentinel ${name} 127.0.0.1 18899 ${"a".repeat(40)}\n`,
    );
    wreckage.startSentinelPlainly("redis-b");
    await waitFor("the Sentinel answers", () => wreckage.epoch("redis-b").catch(() => undefined), 5000);
    const found = (await wreckage.failing()).filter(({ message }) => message.includes("still knows"));
    expect(found.map(({ id, remedy }) => [id, remedy])).toEqual([
      ["sentinel-peers", "npx redis-ha repair --env local"],
      ["sentinel-replicas", "npx redis-ha repair --env local"],
    ]);
    expect((await wreckage.mended()).join("\n")).toContain("the Sentinel of redis-b forgets 127.0.0.1:18898");
  });

  it("a fence that nobody lifted", async () => {
    await withConnection(wreckage.cluster.endpoint(master), (redis) =>
      redis.config("SET", "min-replicas-to-write", "99"),
    );
    expect(await failing()).toEqual([`fenced ${master}`]);
    await wreckage.mended();
  });

  it("a hand-over that was interrupted", async () => {
    for (const node of names) await wreckage.kill(node, "agent");
    const { root } = wreckage.folder(master);
    const settings = { quorum: 2, downAfterMs: 2000, failoverTimeoutMs: 10_000, parallelSyncs: 1 };
    const journal = {
      version: 1,
      kind: "planned",
      from: master,
      to: "redis-x",
      stage: "switching",
      epoch: 1,
      settings,
    };
    const holder = { pid: 1, started: "long ago" };
    writeAtomically(`${root}/handover.json`, JSON.stringify({ ...journal, minReplicasToWrite: "1", holder }));
    expect(await failing()).toEqual([...names.map((node) => `agent-running ${node}`), `hand-over ${master}`]);
    await wreckage.mended();
    expect(fs.existsSync(`${root}/handover.json`)).toBe(false);
  });

  it("a second master that wrote nothing follows again; one that did is left alone until the operator decides", async () => {
    const rival = await wreckage.replica();
    const promote = (): Promise<unknown> =>
      withConnection(wreckage.cluster.endpoint(rival), (redis) => redis.replicaof("NO", "ONE"));
    // Sentinels publish on every node each 2 s, and what was published counts in the offset: from then on the node may
    // have had writes for all that anybody knows. One of a few attempts comes before that.
    const attempts: string[][] = [];
    const { port } = wreckage.cluster.endpoint(master);
    while (!attempts.at(-1)?.includes(`${rival} follows ${master} again`) && attempts.length < 40) {
      await promote();
      attempts.push((await wreckage.repair()).done);
      await withConnection(wreckage.cluster.endpoint(rival), (redis) => redis.replicaof("127.0.0.1", port));
      await wreckage.cluster.whole();
    }
    expect(attempts.at(-1)).toContain(`${rival} follows ${master} again`);

    await promote();
    await withConnection(wreckage.cluster.endpoint(rival), async (redis) => {
      await redis.config("SET", "min-replicas-to-write", "0");
      await redis.set("of-the-rival", "yes");
      await redis.config("SET", "min-replicas-to-write", "1");
    });
    const { code, left } = await wreckage.repair();
    expect(code).toBe(1);
    expect(left.join("\n")).toContain(`${rival} says that it is master beside ${master}, and may hold writes`);
    expect(left.join("\n")).toContain("npx redis-ha elect");
    const elected = await wreckage.checkout.redisHa("elect", rival, "--yes", "--env", "local");
    expect(elected.code, elected.all).toBe(0);
    expect(elected.all).toContain(`what ${master} had is kept in`);
    expect(await wreckage.cluster.whole()).toBe(rival);
    for (const node of names) {
      const value = await withConnection(wreckage.cluster.endpoint(node), (redis) => redis.get("of-the-rival"));
      expect(value, node).toBe("yes");
    }
    await wreckage.holds();
  });
});
