import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isListening } from "../../agent/ports.ts";
import { processStart, waitFor } from "../../agent/processes.ts";
import { askSentinels } from "../../cluster/answers.ts";
import { withConnection } from "../../cluster/connection.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

const environment = threeNodes("local", 18100, { downAfterMs: 4000, onMasterCrash: "restart" });
let checkout: Checkout;
const cluster = new Cluster(environment, () => checkout);
const nodes = cluster.names;

/** What the agent of a node survives. Each test leaves a whole cluster behind. */
describe.sequential("the agent", () => {
  const folder = (node: string) => checkout.folder("local", node);
  const pid = (node: string, name: "redis" | "sentinel" | "agent") => checkout.pid("local", node, name) as number;
  const kill = (node: string, ...names: ("redis" | "sentinel" | "agent")[]): void => {
    for (const name of names) process.kill(pid(node, name), "SIGKILL");
  };
  const apply = async (node: string): Promise<string> => {
    const { code, all } = await checkout.host("apply", "local", node);
    if (code !== 0) throw new Error(all);
    return all.trim();
  };
  const applyAll = async (): Promise<void> => {
    for (const node of nodes) await apply(node);
  };
  const agentLog = (node: string): string => fs.readFileSync(path.join(folder(node).logs, "agent.log"), "utf8");

  beforeAll(async () => {
    checkout = await createCheckout(environment);
    const { code, all } = await checkout.synth();
    if (code !== 0) throw new Error(all);
    await applyAll();
    await cluster.whole();
    await withConnection(cluster.endpoint("redis-a"), (redis) => redis.set("written", "first"));
  });
  afterAll(() => checkout?.remove());

  it("keeps the servers running when it is killed, and adopts them when it is back", async () => {
    const before = [pid("redis-a", "redis"), pid("redis-a", "sentinel")];
    kill("redis-a", "agent");
    expect(await apply("redis-a")).toBe("redis-a: agent started");
    expect([pid("redis-a", "redis"), pid("redis-a", "sentinel")]).toEqual(before);
    expect(agentLog("redis-a")).toContain(`redis: adopted (pid ${before[0]})`);
  });

  it("adopts a server of which a killed agent left no record", async () => {
    const before = pid("redis-b", "redis");
    kill("redis-b", "agent");
    fs.rmSync(path.join(folder("redis-b").run, "redis.json"));
    await apply("redis-b");
    expect(pid("redis-b", "redis")).toBe(before);
  });

  it("takes a record whose pid is somebody else's by now for what it is, and leaves that process alone", async () => {
    const stranger: ChildProcess = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      kill("redis-b", "agent", "redis");
      const file = path.join(folder("redis-b").run, "redis.json");
      const record = JSON.parse(fs.readFileSync(file, "utf8")) as object;
      fs.writeFileSync(file, JSON.stringify({ ...record, pid: stranger.pid }));
      await apply("redis-b");
      expect(pid("redis-b", "redis")).not.toBe(stranger.pid);
      expect(processStart(stranger.pid as number)).toBeDefined();
      await cluster.whole();
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("starts a killed server again in place, with its data, before Sentinel fails over", async () => {
    const current = await cluster.master();
    const before = pid(current, "redis");
    kill(current, "redis");
    await waitFor("another redis-server", () => pid(current, "redis") !== before || undefined, 5000);
    await cluster.whole();
    expect(await cluster.master()).toBe(current);
    expect(await withConnection(cluster.endpoint(current), (redis) => redis.get("written"))).toBe("first");
  });

  it("gives way to a younger program without touching the servers", async () => {
    const before = [pid("redis-c", "redis"), pid("redis-c", "sentinel")];
    const agent = pid("redis-c", "agent");
    fs.appendFileSync(path.join(checkout.root, "cdktf.out", "redis-ha.cjs"), "// younger\n");
    expect(await apply("redis-c")).toBe("redis-c: agent replaced");
    expect([pid("redis-c", "redis"), pid("redis-c", "sentinel")]).toEqual(before);
    expect(processStart(agent)).toBeUndefined();
    expect(fs.readdirSync(folder("redis-c").programs)).toHaveLength(1);
  });

  it("is alone: a second agent of the same node ends by itself", async () => {
    const program = path.join(checkout.root, "cdktf.out", "redis-ha.cjs");
    const { code } = await checkout.run(process.execPath, [program, "host", "run", folder("redis-c").root]);
    expect(code).toBe(0);
    expect(agentLog("redis-c")).toContain("another agent of this node runs");
    expect(await apply("redis-c")).toBe("redis-c: nothing to change");
  });

  it("names port, process and way out when somebody else has the port", async () => {
    const node = (await cluster.master()) === "redis-c" ? "redis-b" : "redis-c";
    await checkout.host("retire", "local", node);
    const { port } = cluster.endpoint(node);
    const squatter = net.createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    try {
      for (const step of ["install", "apply"] as const) {
        const { code, all } = await checkout.host(step, "local", node);
        expect(code).toBe(1);
        expect(all).toContain(`port ${port}`);
        expect(all).toContain(`(pid ${process.pid}`);
        expect(all).toContain(`change port of ${node} in environments/local.ts`);
      }
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
    await apply(node);
    await cluster.whole();
  });

  it.each([20, 80, 150, 220, 300, 450])("converges after an apply that was killed %i ms into its work", async (ms) => {
    const node = (await cluster.master()) === "redis-b" ? "redis-c" : "redis-b";
    await checkout.host("retire", "local", node);
    const spec = fs.readFileSync(path.join(checkout.root, "cdktf.out", "specs", "local", `${node}.json`), "utf8");
    const program = path.join(checkout.root, "cdktf.out", "redis-ha.cjs");
    const home = path.dirname(checkout.root);
    const env = {
      ...process.env,
      XDG_STATE_HOME: path.join(home, "state"),
      XDG_DATA_HOME: path.join(home, "data"),
    };
    const child = spawn(process.execPath, [program, "host", "apply"], {
      cwd: checkout.root,
      env: { ...env, REDIS_HA_SPEC: spec },
      stdio: "ignore",
    });
    setTimeout(() => child.kill("SIGKILL"), ms);
    await new Promise((resolve) => child.once("exit", resolve));
    // The agent dies too if it was there already.
    const agent = checkout.pid("local", node, "agent");
    if (agent && processStart(agent)) process.kill(agent, "SIGKILL");
    await apply(node);
    expect(await apply(node)).toBe(`${node}: nothing to change`);
    await cluster.whole();
  });

  it("starts a former master without a quorum so that it takes no writes, and lifts that when the quorum is there", async () => {
    const current = await cluster.master();
    for (const node of nodes) kill(node, "agent", "redis", "sentinel");
    await apply(current);
    const alone = cluster.endpoint(current);
    expect((await cluster.state(current))?.role).toBe("master");
    await expect(withConnection(alone, (redis) => redis.set("k", "v"))).rejects.toThrow("NOREPLICAS");
    expect(await withConnection(alone, (redis) => redis.get("written"))).toBe("first");
    expect(agentLog(current)).toContain("redis: prestart: master, fenced");

    await applyAll();
    await cluster.whole();
    await waitFor(
      "the fence is lifted",
      async () => {
        const reply = await withConnection(alone, (redis) => redis.config("GET", "min-replicas-to-write"));
        return reply[1] === "1" || undefined;
      },
      10_000,
      100,
    );
    expect(await withConnection(alone, (redis) => redis.set("k", "v"))).toBe("OK");
  });

  it("never makes an empty disk master: a master that lost its data comes back as a replica", async () => {
    const current = await cluster.master();
    kill(current, "agent", "redis");
    fs.rmSync(folder(current).redisData, { recursive: true });
    const refused = await checkout.host("apply", "local", current);
    expect(refused.all).toContain("the data of this node is gone");
    await cluster.masterOtherThan(current);
    await apply(current);
    await cluster.whole();
    expect(await cluster.master()).not.toBe(current);
    expect(await withConnection(cluster.endpoint(current), (redis) => redis.get("written"))).toBe("first");
  });

  it("seeds a Sentinel that lost its file from its peers, and it comes back as itself", async () => {
    const current = await cluster.master();
    const before = await askSentinels(cluster.topology.nodes, cluster.topology.masterName);
    kill("redis-a", "agent", "sentinel");
    fs.rmSync(folder("redis-a").sentinelState);
    await apply("redis-a");
    await cluster.whole();
    expect(await cluster.master()).toBe(current);
    const after = await askSentinels(cluster.topology.nodes, cluster.topology.masterName);
    for (const [index, { state: told }] of after.entries()) {
      expect(told?.sentinels, `Sentinels that ${nodes[index]} knows`).toHaveLength(2);
      expect(told?.configEpoch).toBe(before[index]?.state?.configEpoch);
    }
  });

  it("corrects a Sentinel that slept through a failover before it starts", async () => {
    const current = await cluster.master();
    const sleeper = nodes.find((node) => node !== current) as string;
    kill(sleeper, "agent", "sentinel");
    const stale = fs.readFileSync(folder(sleeper).sentinelState, "utf8");
    kill(current, "agent", "redis");
    const others = cluster.topology.nodes.filter(({ name }) => name !== sleeper);
    await waitFor(
      "a new master",
      async () => {
        const told = await askSentinels(others, cluster.topology.masterName);
        return (
          told.every(({ state: answer }) => answer && answer.master.port !== cluster.endpoint(current).port) ||
          undefined
        );
      },
      30_000,
      200,
    );
    fs.writeFileSync(folder(sleeper).sentinelState, stale);
    await apply(sleeper);
    expect(agentLog(sleeper)).toMatch(/sentinel: prestart: master 127\.0\.0\.1:\d+ with epoch \d+, from its peers/);
    await applyAll();
    await cluster.whole();
    expect(await cluster.master()).not.toBe(current);
  });

  it("keeps all files to the user", () => {
    const open: string[] = [];
    const walk = (directory: string): void => {
      for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
        const file = path.join(directory, entry.name);
        if (entry.isDirectory()) walk(file);
      }
      if ((fs.statSync(directory).mode & 0o077) !== 0) open.push(directory);
    };
    walk(folder("redis-a").root);
    expect(open.filter((directory) => !directory.endsWith("appendonlydir"))).toEqual([]);
    for (const file of [folder("redis-a").redisConf, folder("redis-a").spec, folder("redis-a").socket]) {
      expect(fs.statSync(file).mode & 0o077, file).toBe(0);
    }
  });

  it("ends everything of a node when it is retired, and keeps its data", async () => {
    const node = nodes.find((name) => name !== "redis-a") as string;
    const before = [pid(node, "redis"), pid(node, "sentinel"), pid(node, "agent")];
    const { code } = await checkout.host("retire", "local", node);
    expect(code).toBe(0);
    for (const old of before) expect(processStart(old)).toBeUndefined();
    expect(await isListening(cluster.endpoint(node))).toBe(false);
    expect(fs.existsSync(path.join(folder(node).redisData, "appendonlydir"))).toBe(true);
    expect((await checkout.host("retire", "local", node)).code).toBe(0);
  });
});
