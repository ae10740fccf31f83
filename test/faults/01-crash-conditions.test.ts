import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askAgent } from "../../agent/control.ts";
import { processStart, waitFor } from "../../agent/processes.ts";
import { askRedis, askSentinels } from "../../cluster/answers.ts";
import { withConnection } from "../../cluster/connection.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

/** Every condition under which a replica takes over from a crashed master. */
const everything = ["wanted", "sampled", "provable", "notHandingOver", "everyNodeAnswers", "noOtherMaster"].concat([
  "everySentinelAnswers",
  "sentinelsNameUs",
  "noFailover",
  "inTime",
  "candidate",
  "proof",
]);

const environment = threeNodes("local", 17_900, { maxMemoryMb: 250 });
const cluster = new Cluster(environment);
const nodes = cluster.names;

/** 100 writes of 100 kB are more than the kernel keeps for a replica that stands still. */
const LARGE = "x".repeat(100_000);
const WRITES = 200;

/**
 * What each condition of a crash hand-over is there for. Each fault is made twice: by the agent as it is, and by one
 * without the conditions that forbid to promote a replica here.
 */
describe.sequential("a master's process dies", () => {
  let checkout: Checkout;
  let master: string;
  let others: [string, string];
  const residents: ChildProcess[] = [];
  const stopped = new Set<number>();

  const folder = (node: string) => checkout.folder("local", node);
  const pid = (node: string, name: "redis" | "sentinel" | "agent") => checkout.pid("local", node, name) as number;
  const redis = <T>(node: string, use: Parameters<typeof withConnection<T>>[1]): Promise<T> =>
    withConnection(cluster.endpoint(node), use, 3000);
  const hang = (target: number): void => {
    process.kill(target, "SIGSTOP");
    stopped.add(target);
  };
  const resume = (target: number): void => {
    stopped.delete(target);
    if (processStart(target)) process.kill(target, "SIGCONT");
  };
  const decision = (): string => {
    const lines = fs
      .readFileSync(path.join(folder(master).logs, "agent.log"), "utf8")
      .trim()
      .split("\n");
    return lines.filter((line) => line.includes("crashed as master")).at(-1) ?? "";
  };

  /** Replaces the master's agent by one without some of the conditions, and waits until that has a sample. */
  const agentWithout = async (without: readonly string[]): Promise<void> => {
    if (without.length === 0) return;
    const own = pid(master, "agent");
    await askAgent(folder(master).socket, { do: "leave" });
    await waitFor("the agent leaves", () => (processStart(own) ? undefined : true), 5000);
    const script = path.join(import.meta.dirname, "..", "support", "resident.ts");
    const child = spawn(process.execPath, ["--import", "tsx", script, folder(master).root, ...without], {
      stdio: "ignore",
    });
    residents.push(child);
    await waitFor("the other agent answers", () => pid(master, "agent") === child.pid || undefined, 10_000);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  };

  const write = async (count: number, value: string): Promise<string[]> => {
    const keys = Array.from({ length: count }, (_, index) => `lost:${Date.now()}:${index}`);
    await redis(master, async (connection) => {
      for (const key of keys) await connection.set(key, value);
    });
    // While the disk is busy, redis acknowledges what is in its memory only, and nothing could bring that back.
    const written = async (): Promise<true | undefined> => {
      const info = await redis(master, (connection) => connection.info("persistence"));
      return /aof_buffer_length:0\r/.test(info) || undefined;
    };
    await waitFor("the append-only file has it all", written, 3000);
    return keys;
  };

  /** How many of these acknowledged writes the cluster does not have once it is whole again. */
  const lost = async (keys: readonly string[]): Promise<number> => {
    const now = await cluster.whole(60_000);
    const found = await redis(now, (connection) => connection.exists(...keys));
    return keys.length - found;
  };

  beforeAll(async () => {
    checkout = await createCheckout(environment);
    const { code, all } = await checkout.synth();
    if (code !== 0) throw new Error(all);
  });
  /** Each test begins with a whole cluster, whatever the one before has broken, and with the agents as they are. */
  const begin = async (): Promise<void> => {
    for (const node of nodes) {
      const { code, all } = await checkout.host("apply", "local", node);
      if (code !== 0) throw new Error(all);
    }
    master = await cluster.whole(60_000);
    await redis(master, (it) => it.flushall());
    others = nodes.filter((node) => node !== master) as [string, string];
    const { code, all } = await checkout.redisHa("verify", "--wait", "60");
    if (code !== 0) throw new Error(all);
    await new Promise((resolve) => setTimeout(resolve, 1200));
  };
  afterEach(async () => {
    for (const target of stopped) resume(target);
    for (const child of residents.splice(0)) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
    }
  });
  afterAll(() => checkout?.remove());

  const each = it.each<[string, readonly string[]]>([
    ["nothing is lost", []],
    ["without the conditions, acknowledged writes are lost", everything],
  ]);

  describe("while its replicas are receiving a full copy", () => {
    each("%s", async (_, without) => {
      await begin();
      await agentWithout(without);
      await redis(master, (it) => it.config("SET", "min-replicas-to-write", "0"));
      await write(300, "before");
      for (const node of others) await redis(node, (it) => it.replicaof("NO", "ONE"));
      const keys = await write(300, "only here");
      // 10 ms a key: the copies take some seconds.
      await redis(master, (it) => it.config("SET", "rdb-key-save-delay", "10000"));
      const { port } = cluster.endpoint(master);
      for (const node of others) await redis(node, (it) => it.replicaof("127.0.0.1", port));
      await waitFor(
        "one is receiving, the other one waits for its turn",
        async () => {
          const states = (await askRedis(cluster.topology.nodes)).map(({ state }) => state);
          const behind = states.filter((state) => state?.role === "replica" && state.link === "down").length;
          return (behind === 2 && states.some((state) => state?.syncing)) || undefined;
        },
        5000,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(pid(master, "redis"), "SIGKILL");
      if (without.length === 0) {
        expect(await lost(keys)).toBe(0);
        expect(decision()).toMatch(/restart in place: no replica can take over \(.*(full copy|history|not online)/);
      } else expect(await lost(keys)).toBeGreaterThan(0);
    });
  });

  describe("while its replicas lag behind", () => {
    each("%s", async (_, without) => {
      await begin();
      await agentWithout(without);
      const replicas = others.map((node) => pid(node, "redis"));
      replicas.forEach(hang);
      const keys = await write(WRITES, LARGE);
      await new Promise((resolve) => setTimeout(resolve, 600));
      process.kill(pid(master, "redis"), "SIGKILL");
      replicas.forEach(resume);
      if (without.length === 0) {
        expect(await lost(keys)).toBe(0);
        expect(decision()).toMatch(/restart in place: no replica can take over \(.*behind the last sample/);
      } else expect(await lost(keys)).toBeGreaterThan(0);
    });
  });

  describe("while the replica that has everything is silent, and the other one lags", () => {
    each("%s", async (_, without) => {
      await begin();
      await agentWithout(without);
      const [lagging, silent] = others.map((node) => pid(node, "redis")) as [number, number];
      hang(lagging);
      const keys = await write(WRITES, LARGE);
      await new Promise((resolve) => setTimeout(resolve, 600));
      hang(silent);
      process.kill(pid(master, "redis"), "SIGKILL");
      resume(lagging);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      resume(silent);
      if (without.length === 0) {
        expect(await lost(keys)).toBe(0);
        expect(decision()).toContain(`restart in place: ${others[1]} does not answer`);
      } else expect(await lost(keys)).toBeGreaterThan(0);
    });
  });

  describe("and its agent notices only when Sentinel has promoted a replica", () => {
    const late = ["everyNodeAnswers", "sampled", "inTime", "noOtherMaster", "sentinelsNameUs", "noFailover"];
    it.each<[string, readonly string[]]>([
      ["no second node is made master", []],
      ["without the conditions, two nodes are made master", late],
    ])("%s", async (_, without) => {
      await begin();
      await agentWithout(without);
      const keys = await write(10, "acknowledged");
      const agent = pid(master, "agent");
      hang(agent);
      process.kill(pid(master, "redis"), "SIGKILL");
      const apart = cluster.topology.nodes.filter(({ name }) => name !== master);
      const masters = async (): Promise<number> =>
        (await askRedis(apart)).filter(({ state }) => state?.role === "master").length;
      // The Sentinels still name the old one, for most of a second.
      await waitFor("a replica is promoted", async () => (await masters()) > 0 || undefined, 45_000, 5);
      resume(agent);
      let most = 0;
      const end = Date.now() + 3000;
      while (Date.now() < end) most = Math.max(most, await masters());
      expect(most, decision()).toBe(without.length === 0 ? 1 : 2);
      if (without.length === 0) expect(await lost(keys)).toBe(0);
    });
  });

  describe("after another node was made master without it", () => {
    it("it comes back as a replica, and makes nobody master", async () => {
      await begin();
      const agent = pid(master, "agent");
      const server = pid(master, "redis");
      const sentinel = pid(master, "sentinel");
      // The whole node stands still, as a virtual machine does that is moved.
      for (const each of [agent, server, sentinel]) hang(each);
      const former = master;
      const apart = cluster.topology.nodes.filter(({ name }) => name !== former);
      const named = await waitFor(
        "another master",
        async () => {
          const answers = await askSentinels(apart, cluster.topology.masterName);
          const fresh = (await askRedis(apart)).find(({ state }) => state?.role === "master")?.node;
          const agreed = answers.every(({ state }) => state?.master.port === fresh?.redisPort);
          return fresh && agreed ? fresh.name : undefined;
        },
        45_000,
        50,
      );
      process.kill(server, "SIGKILL");
      resume(sentinel);
      resume(agent);
      let most = 0;
      const end = Date.now() + 4000;
      while (Date.now() < end) {
        const masters = (await askRedis(apart)).filter(({ state }) => state?.role === "master");
        most = Math.max(most, masters.length);
      }
      expect(most).toBe(1);
      expect(await cluster.whole(60_000)).toBe(named);
      expect((await cluster.state(former))?.role).toBe("replica");
    });
  });
});
