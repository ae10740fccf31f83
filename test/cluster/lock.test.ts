import { spawn } from "node:child_process";
import path from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { type Group, Links } from "../../cluster/links.ts";
import { ClusterLock, Locked, LockLost } from "../../cluster/lock.ts";
import { ClusterFixture } from "../support/cluster-fixture.ts";

const taker = path.join(import.meta.dirname, "..", "support", "lock-taker.ts");
const names = ["redis-a", "redis-b", "redis-c"] as const;

describe.sequential("the lock of a cluster", () => {
  let cluster: ClusterFixture;
  let group: Group;
  const open: Links[] = [];

  const links = async (): Promise<Links> => {
    const fresh = await Links.open(group);
    open.push(fresh);
    return fresh;
  };
  const take = async (waitMs = 0, report?: (line: string) => void): Promise<ClusterLock> => {
    const lock = await ClusterLock.take(await links(), "a-test", { waitMs, ...(report ? { report } : {}) });
    if (!lock) throw new Error("no majority of Sentinels answers");
    return lock;
  };
  const restartSentinel = async (node: string): Promise<void> => {
    await cluster.stop(`${node}/sentinel`);
    await cluster.startProcess(`${node}/sentinel`);
  };

  beforeAll(async () => {
    // No failover while Sentinels are away.
    cluster = await ClusterFixture.start({ port: 17700, downAfterMs: 60_000 });
    const { nodes, masterName, quorum } = cluster.inventory;
    group = { nodes, masterName, quorum };
  });
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });
  afterAll(() => cluster?.end());

  it("has one holder: a second taker is told who that is, and nobody while it is free", async () => {
    const first = await take();
    const refusal = take();
    await expect(refusal).rejects.toThrow(Locked);
    await expect(refusal).rejects.toThrow(
      new RegExp(`^a-test@[^ ]*-${process.pid} changes this cluster just now; wait for it and run this again$`),
    );
    await first.release();
    await (await take()).release();
  });

  it("is waited for, with a word, and had as soon as it is free", async () => {
    const first = await take();
    const lines: string[] = [];
    const second = take(10_000, (line) => lines.push(line));
    await waitFor("the second one waits", () => lines.length > 0 || undefined, 5000);
    await first.hold();
    await first.release();
    await (await second).hold();
    expect(lines).toEqual([expect.stringMatching(/^waiting: a-test@.* changes this cluster just now$/)]);
  });

  it("is free at once when its holder is killed", async () => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", taker, JSON.stringify(group), "0", "", cluster.folder("redis-a").root],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await expect(take()).rejects.toThrow(/^test-of-a-holder@/);
    } finally {
      child.kill("SIGKILL");
    }
    const killed = performance.now();
    await take(5000);
    expect(performance.now() - killed).toBeLessThan(1500);
  });

  it("is taken from a holder that hangs for long, which learns it; one that is only slow keeps it", async () => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", taker, JSON.stringify(group), "0", "", cluster.folder("redis-a").root],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    const line = (): Promise<string> =>
      new Promise((resolve) => child.stdout.once("data", (data: Buffer) => resolve(data.toString().trim())));
    try {
      expect(await line()).toBe("held");
      // Longer than silence may last, without a word of its own accord.
      await expect(take(22_000)).rejects.toThrow(/^test-of-a-holder@/);
      child.kill("SIGSTOP");
      await take(30_000);
      child.kill("SIGCONT");
      const answer = line();
      child.stdin.write("?\n");
      expect(await answer).toMatch(/^LockLost/);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("never has two holders, however many want it at once", async () => {
    const marker = path.join(cluster.root, "held");
    const runs = Array.from({ length: 5 }, () =>
      execa(
        process.execPath,
        ["--import", "tsx", taker, JSON.stringify(group), "6", marker, cluster.folder("redis-a").root],
        { timeout: 60_000 },
      ),
    );
    for (const { stdout } of await Promise.all(runs)) expect(stdout.split("\n")).toHaveLength(6);
  });

  it("outlives the restart of each Sentinel, one after the other", async () => {
    const lock = await take();
    for (const node of names) {
      await restartSentinel(node);
      await waitFor(
        `the name stands at ${node} again`,
        async () => {
          await lock.hold();
          const list = await cluster.sentinel(node, (redis) => redis.client("LIST"));
          return String(list).includes("a-test@") || undefined;
        },
        5000,
      );
      await expect(take()).rejects.toThrow(Locked);
    }
    await lock.release();
    await (await take()).release();
  });

  it.each(["ended", "hung"] as const)(
    "is lost when a majority of the Sentinels is %s; the holder learns it",
    async (how) => {
      const lock = await take();
      const away = ["redis-b/sentinel", "redis-c/sentinel"] as const;
      try {
        for (const each of away) await (how === "ended" ? cluster.stop(each) : cluster.hang(each));
        const next = lock.hold();
        await expect(next).rejects.toThrow(LockLost);
        await expect(next).rejects.toThrow(
          "the lock of this cluster is lost: only 1 of 3 Sentinels can be reached, 2 are needed; bring them up and run this again",
        );
        expect(await ClusterLock.take(await links(), "a-test")).toBeUndefined();
      } finally {
        for (const each of away) {
          if (how === "ended") await cluster.startProcess(each);
          else cluster.resume(each);
        }
      }
    },
  );

  it("is lost when its connections were cut and somebody else was quicker", async () => {
    const lock = await take();
    for (const node of names) {
      await cluster.sentinel(node, async (redis) => {
        const list = String(await redis.client("LIST"));
        const ids = [...list.matchAll(/^id=(\d+) .*name=redis-ha-lock:/gm)].map(([, id]) => id as string);
        for (const id of ids) await redis.client("KILL", "ID", id);
      });
    }
    const other = await take();
    await expect(lock.hold()).rejects.toThrow(/^the lock of this cluster is lost to a-test@/);
    await other.hold();
  });
});
