import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { withConnection } from "../../cluster/connection.ts";
import { drillSchema } from "../cli/documents.ts";
import { type Checkout, createCheckout, threeNodes } from "../support/checkout.ts";
import { Cluster } from "../support/cluster.ts";

const environment = threeNodes("local", 17180);
let checkout: Checkout;
const cluster = new Cluster(environment, () => checkout);

describe.sequential("redis-ha drill", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    checkout = await createCheckout(environment);
    const { code, all } = await checkout.synth();
    if (code !== 0) throw new Error(all);
    for (const node of cluster.names) await checkout.host("apply", "local", node);
    await verified();
    await withConnection(cluster.endpoint(await cluster.master()), (redis) => redis.set("mine", "kept"));
  });
  afterAll(() => checkout?.remove());

  const verified = async (): Promise<void> => {
    const { code, all } = await checkout.redisHa("verify", "--wait", "60");
    if (code !== 0) throw new Error(all);
  };
  const keysOfMaster = async (): Promise<string[]> =>
    withConnection(cluster.endpoint(await cluster.master()), (redis) => redis.keys("*"));
  const drill = async (...args: string[]): Promise<z.infer<typeof drillSchema>> => {
    const { stdout, all } = await checkout.redisHa("drill", ...args, "--yes", "--json");
    if (stdout === "") throw new Error(all);
    return drillSchema.parse(JSON.parse(stdout));
  };

  it.each([
    ["hand-over", ["hand-over"]],
    ["a crash, with and without WAIT 1", ["crash", "--wait1"]],
    ["a stop", ["stop", "--clients", "recommended"]],
    ["a change of a setting", ["config-change", "--clients", "recommended"]],
    ["a power cycle, at the full rate", ["power-cycle", "--rate", "full", "--clients", "recommended"]],
  ])("%s: nothing is lost, the gap is seen, and no key stays behind", async (_, args) => {
    await verified();
    const result = await drill(...args);
    expect(result).toMatchObject({ fault: args[0], holds: true, problems: [], masterAfter: await cluster.master() });
    const clients = args.includes("--clients") ? ["recommended"] : ["defaults", "recommended"];
    expect(result.readers.map(({ client }) => client)).toEqual(clients);
    expect(result.writers.map(({ client, wait }) => [client, wait])).toEqual([
      ...clients.map((client) => [client, false]),
      ...(args.includes("--wait1") ? clients.map((client) => [client, true]) : []),
    ]);
    for (const { acknowledged, lost, longestGapMs, recovered, rate } of result.writers) {
      expect({ lost, recovered }).toEqual({ lost: 0, recovered: true });
      expect(rate).toBe(args.includes("full") ? "full" : "paced");
      expect(acknowledged).toBeGreaterThan(rate === "full" ? 5000 : 300);
      // More than a pause between two writes, and less than a failover with everything that can slow it down.
      expect(longestGapMs).toBeGreaterThan(10);
      expect(longestGapMs).toBeLessThan(15_000);
    }
    for (const reader of result.readers) expect(reader.reads).toBeGreaterThan(100);
    expect(await keysOfMaster()).toEqual(["mine"]);
  });

  it("ended by Ctrl-C lets a server go on that it had stopped, and removes its keys", async () => {
    await verified();
    const program = path.join(checkout.root, "node_modules", ".bin", "redis-ha");
    const home = path.dirname(checkout.root);
    const env = { XDG_STATE_HOME: path.join(home, "state"), XDG_DATA_HOME: path.join(home, "data") };
    const running = execa(program, ["drill", "hang", "--yes"], { cwd: checkout.root, env, reject: false });
    const broken = new Promise<void>((resolve) => {
      running.stderr.on("data", (text: Buffer) => {
        if (text.includes("hang: ")) resolve();
      });
    });
    await Promise.race([broken, running]);
    running.kill("SIGINT");
    const { exitCode, stdout, stderr } = await running;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain("goes on");
    expect(stderr).toMatch(/interrupted\. \S+ is (master|named as master)/);
    await cluster.whole();
    expect(await keysOfMaster()).toEqual(["mine"]);
  });

  it("refuses a cluster that is not whole, names what does not hold, and touches nothing", async () => {
    await verified();
    const master = await cluster.master();
    const before = checkout.pid("local", master, "redis");
    const set = (value: string): Promise<unknown> =>
      withConnection(cluster.endpoint(master), (redis) => redis.config("SET", "slowlog-max-len", value));
    await set("7");
    const { code, stdout, all } = await checkout.redisHa("drill", "crash", "--yes", "--json");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(all).toContain(`${master}: slowlog-max-len is 7, applied is 512`);
    expect(checkout.pid("local", master, "redis")).toBe(before);
    await set("512");
  });

  it.each([
    [["drill"], "say which fault; known are: "],
    [["drill", "earthquake", "--yes"], 'no fault is named "earthquake"; known are: '],
    [["drill", "crash", "--yes", "--clients", "mine"], '--clients: "mine" is not one of: defaults, recommended'],
    [["drill", "crash", "--yes", "--rate", "paced,full"], "--rate takes one of: paced, full"],
    [["drill", "crash"], "without a terminal to ask at, it takes --yes"],
  ])("takes %j for wrong use", async (args, message) => {
    const { code, stdout, all } = await checkout.redisHa(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(all).toContain(message);
  });

  it("lists what can be broken", async () => {
    const { code, stdout } = await checkout.redisHa("drill", "--list");
    expect(code).toBe(0);
    for (const name of ["hand-over", "crash", "hang", "power-cycle", "partition"]) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\S`, "m"));
    }
  });
});
