import fs from "node:fs";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { ClientLogins } from "../../secrets/logins.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

/** The longest that a replica's link may be down, in milliseconds. */
const LINK_DOWN_MS = 1000;

/** Passwords and certificates are replaced while clients write. Each test leaves a whole cluster behind. */
describe.sequential("32: secrets are replaced", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17940));
  });
  afterAll(() => cluster?.remove());

  const pids = (...names: ("redis" | "sentinel" | "agent")[]): number[] =>
    cluster.cluster.names.flatMap((node) => names.map((name) => cluster.pid(node, name)));
  const rotate = async (...flags: string[]): Promise<void> => {
    const { code, all } = await cluster.redisHa("secrets", "rotate", ...flags);
    expect(code, all).toBe(0);
  };
  const letsIn = async (logins: ClientLogins): Promise<boolean> => {
    const { address: host, port } = cluster.endpoint(await cluster.master());
    const redis = new Redis({
      host,
      port,
      ...directLoginOf("master", logins),
      lazyConnect: true,
      retryStrategy: null,
    });
    redis.on("error", () => undefined);
    return redis
      .connect()
      .then(() => redis.get("x"))
      .then(
        () => true,
        () => false,
      )
      .finally(() => redis.disconnect());
  };
  /** The next passwords are made, and the nodes are being told. */
  const underWay = (): Promise<unknown> => {
    const next = path.join(cluster.checkout.store("local"), "users", "app.next");
    return waitFor("the rotation is under way", () => fs.existsSync(next) || undefined, 20_000, 5);
  };
  /** The next authority has become the present one, and the nodes are being told, or have been. */
  const beingReplaced = (): Promise<unknown> => {
    const isThere = (name: string): boolean => fs.existsSync(path.join(cluster.checkout.store("local"), "tls", name));
    const replaced = (): true | undefined => isThere("ca.previous.crt") || !isThere("ca.next.crt") || undefined;
    return waitFor("the authority is being replaced", replaced, 20_000, 5);
  };
  /** Runs a command and kills it after each of these times, in milliseconds. */
  const killed = async (args: string[], after: number[]): Promise<void> => {
    const program = path.join(cluster.checkout.root, "cdktf.out", "redis-ha.cjs");
    for (const ms of after) {
      const command = [JSON.stringify(process.execPath), program, ...args].join(" ");
      await cluster.checkout.run("sh", ["-c", `timeout -s KILL ${ms / 1000} ${command}; true`]);
      await cluster.master();
    }
  };
  /** What a node's redis-server shows of itself. */
  const certificateOf = (node: string): Promise<string> =>
    withConnection(cluster.endpoint(node), (redis) =>
      Promise.resolve((redis.stream as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? "none"),
    );

  it("all passwords, then the previous ones are refused: no process is restarted, no link breaks, nothing is lost", async () => {
    const before = pids("redis", "sentinel", "agent");
    const former = cluster.cluster.logins;
    let down = 0;
    const load = await cluster.underLoad(async () => {
      down = await cluster.cluster.longestLinkDown(() => rotate());
      expect(cluster.cluster.logins.passwords.app).not.toBe(former.passwords.app);
      expect([await letsIn(former), await letsIn(cluster.cluster.logins)]).toEqual([true, true]);
      await rotate();
      await rotate("--finish");
    });
    console.log(
      `passwords: ${Math.round(load.longestGapMs)} ms without writes, a link down for ${Math.round(down)} ms`,
    );
    expectNothingLost(load);
    expect(down).toBeLessThan(LINK_DOWN_MS);
    expect([await letsIn(former), await letsIn(cluster.cluster.logins)]).toEqual([false, true]);
    expect(pids("redis", "sentinel", "agent")).toEqual(before);
    await cluster.verified();
    // With the present ones everything that a failover needs goes on.
    await cluster.crash(await cluster.master(), "redis", "agent");
    for (const node of cluster.cluster.names) await cluster.apply(node);
    await cluster.verified();
  });

  it("a failover in the middle, once the servers and once the operator: nothing is lost", async () => {
    for (const failover of [
      async () => cluster.crash(await cluster.cluster.master(), "redis"),
      async () => expect((await cluster.redisHa("failover")).code).toBe(0),
    ]) {
      const load = await cluster.underLoad(async () => {
        await Promise.all([rotate(), underWay().then(failover)]);
        await cluster.verified();
      });
      expectNothingLost(load);
      await rotate("--finish");
      await cluster.verified();
    }
  });

  it("killed at any point, the next run goes on", async () => {
    const load = await cluster.underLoad(async () => {
      await killed(["secrets", "rotate"], [600, 1000, 1400, 1900, 2400]);
      await rotate();
      await rotate("--finish");
    });
    expectNothingLost(load);
    await cluster.verified();
  });

  it("an older store, and a copy that was rotated on its own, are refused, and nothing is touched", async () => {
    const store = cluster.checkout.store("local");
    const [copy, kept] = [`${store}-copy`, `${store}-kept`];
    fs.cpSync(store, copy, { recursive: true });
    await rotate();
    fs.renameSync(store, kept);
    fs.cpSync(copy, store, { recursive: true });
    const older = await cluster.redisHa("converge");
    expect(older.code).toBe(1);
    expect(older.all).toMatch(
      /redis-b: the environment's store has the secrets of revision \d+, .* Nothing was changed/,
    );
    // As if it had been changed more often.
    const revision = path.join(store, "revision");
    fs.writeFileSync(revision, fs.readFileSync(revision, "utf8").replace(/^\d+/, "999"));
    const elsewhere = await cluster.redisHa("secrets", "rotate");
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.all).toMatch(/redis-b: .* takes a password that the node would not take .* Nothing was changed/);
    fs.rmSync(store, { recursive: true });
    fs.renameSync(kept, store);
    fs.rmSync(copy, { recursive: true });
    await cluster.verified();
    await rotate("--finish");
    await cluster.verified();
  });

  it("status says what waits to be finished, and a second run that it made nothing anew", async () => {
    const rotations = async (): Promise<unknown> =>
      (JSON.parse((await cluster.redisHa("status", "--json")).stdout) as { rotations: unknown }).rotations;
    expect(await rotations()).toEqual([]);
    await rotate();
    expect(await rotations()).toEqual([{ what: "passwords", stage: "waiting" }]);
    const { stdout } = await cluster.redisHa("status");
    expect(stdout).toContain("still right; when your clients have the new: npx redis-ha secrets rotate --finish");
    const password = (): Promise<string> => cluster.redisHa("secrets", "show", "users/app").then((ran) => ran.stdout);
    const before = await password();
    const again = await cluster.redisHa("secrets", "rotate");
    expect(again.stdout).toContain("nothing was made anew");
    expect(await password()).toBe(before);
    await rotate("--finish");
    expect(await rotations()).toEqual([]);
  });

  it("every node's key and certificate: the servers go on, one Sentinel is restarted after the other, nothing is lost", async () => {
    const shown = (): Promise<string[]> => Promise.all(cluster.cluster.names.map(certificateOf));
    const [redis, sentinels, former] = [pids("redis"), pids("sentinel"), await shown()];
    const load = await cluster.underLoad(() => rotate("certificates"));
    expectNothingLost(load);
    for (const certificate of await shown()) expect(former).not.toContain(certificate);
    expect(pids("redis")).toEqual(redis);
    for (const pid of pids("sentinel")) expect(sentinels).not.toContain(pid);
    await cluster.verified();
    // What is lost in the store is made anew.
    for (const node of cluster.cluster.names) {
      fs.rmSync(path.join(cluster.checkout.store("local"), "tls", "nodes", `${node}.crt`));
    }
    const { code, all } = await cluster.redisHa("converge");
    expect(code, all).toBe(0);
    await cluster.verified();
  });

  it("the authority, with a crash in the middle and killed at any point: both are believed until it is finished", async () => {
    const former = cluster.cluster.logins;
    const redis = pids("redis");
    let down = 0;
    const begun = await cluster.underLoad(async () => {
      down = await cluster.cluster.longestLinkDown(() => rotate("authority"));
    });
    expectNothingLost(begun);
    expect(await letsIn(former)).toBe(true);
    expect(pids("redis")).toEqual(redis);
    // From here on, the clients believe both.
    const load = await cluster.underLoad(async () => {
      await killed(["secrets", "rotate", "authority", "--finish"], [800, 1500, 2500, 4000]);
      const crash = beingReplaced()
        .then(() => cluster.cluster.master())
        .then((node) => cluster.crash(node, "redis"));
      await Promise.all([rotate("authority", "--finish"), crash]);
    });
    expectNothingLost(load);
    console.log(
      `authority: ${Math.round(load.longestGapMs)} ms without writes, a link down for ${Math.round(down)} ms`,
    );
    expect(down).toBeLessThan(LINK_DOWN_MS);
    expect([await letsIn(former), await letsIn(cluster.cluster.logins)]).toEqual([false, true]);
    await cluster.verified();
  });
});
