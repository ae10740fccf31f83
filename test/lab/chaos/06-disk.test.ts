import { execFileSync } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Chaos, expectConfirmedKept, expectNothingLost, FAILOVER_MS } from "../../support/chaos.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

/** Room for what a node writes in minutes, and soon filled. */
const SMALL_DISK = "96m";
const UNITS = ["agent", "sentinel", "redis"] as const;

/** A disk that takes no more, or takes nothing at all. */
describeWithHosts("6: the disk", { timeout: 240_000 }, () => {
  let chaos: Chaos;
  beforeAll(async () => {
    chaos = await Chaos.up("chaos-disk");
  }, 240_000);
  afterAll(() => chaos?.down());

  const sh = (node: string, script: string): Promise<string> => chaos.host(node).run(["sh", "-c", script]);
  /** Its path on its host. */
  const folderOf = (node: string, ...below: string[]): string =>
    path.join("/", path.relative(chaos.host(node).root, chaos.file(node, ...below)));

  async function whileFull(node: string, use: () => Promise<unknown>): Promise<void> {
    const filler = folderOf(node, "filler");
    // Until there is no byte left.
    await sh(
      node,
      `dd if=/dev/zero of=${filler} bs=64k 2>/dev/null; dd if=/dev/zero of=${filler}-2 bs=1 2>/dev/null; true`,
    );
    try {
      await use();
    } finally {
      await sh(node, `rm ${filler} ${filler}-2`);
    }
  }

  async function verifySays(said: RegExp): Promise<void> {
    const failing = async (): Promise<string> => {
      const { code, all } = await chaos.cluster.redisHa("verify");
      return code === 1 ? all : "";
    };
    await expect.poll(failing, { timeout: FAILOVER_MS, interval: 500 }).toMatch(said);
    console.log((await failing()).match(/not ok[^]*?->[^\n]*/g)?.join("\n"));
  }

  /** Not even root writes into a folder with this flag, as on a file system that became read-only. */
  const immutable = (flag: "+i" | "-i", ...nodes: string[]): void => {
    execFileSync("chattr", [flag, ...nodes.map((node) => chaos.file(node, "redis"))], { stdio: "pipe" });
  };

  it("a node cannot write its configuration: verify says so, and its role is not handed to it", async () => {
    const outcome = await chaos.under("a replica cannot write its configuration", async () => {
      const [node] = await chaos.replicas();
      immutable("+i", node);
      try {
        await verifySays(new RegExp(`${node} cannot write .*it would forget who is master`));
        const { code, all } = await chaos.cluster.redisHa("failover", "--to", node);
        expect(code).toBe(1);
        expect(all).toContain(`it cannot take over (${node}: cannot write its configuration file`);
      } finally {
        immutable("-i", node);
      }
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });

  it("nobody who is left can write its configuration: one is promoted all the same", async () => {
    const outcome = await chaos.under(
      "power loss of the master, and no replica can write its configuration",
      async (master) => {
        const others = await chaos.replicas();
        immutable("+i", ...others);
        try {
          await chaos.host(master).powerLoss();
          const other = await chaos.masterOtherThan(master);
          expect(others).toContain(other);
        } finally {
          immutable("-i", ...others);
        }
        await chaos.host(master).boot();
      },
    );
    expectConfirmedKept(outcome);
    expect(outcome.after).not.toBe(outcome.before);
  });

  /** The node whose folder lies on a small file system of its own; it does not outlive a boot. */
  let small = "";
  it("a node is moved to a small disk", async () => {
    [small] = await chaos.replicas();
    await moveToSmallDisk(chaos, small);
    await chaos.cluster.holds();
  });

  // Redis ends a replica that cannot write: a copy that is not on its disk is none.
  it("a replica's is full: writes go on, and it comes back when there is room", async () => {
    const outcome = await chaos.under("the disk of a replica is full", (master, written) => {
      expect(master).not.toBe(small);
      return whileFull(small, async () => {
        await verifySays(new RegExp(`${small} does not answer`));
        await written();
      });
    });
    expectNothingLost(outcome);
    expect(outcome.after).toBe(outcome.before);
  });

  it("the master's is full: another node is master, and the old one follows when there is room", async () => {
    const { code, all } = await chaos.cluster.redisHa("failover", "--to", small);
    expect(code, all).toBe(0);
    const outcome = await chaos.under("the disk of the master is full", (master, written) => {
      expect(master).toBe(small);
      return whileFull(small, async () => {
        await chaos.masterOtherThan(small);
        // The clients do not stay with the one that cannot write.
        await written();
        await verifySays(new RegExp(`the Sentinel of ${small} cannot write .*make room on its disk`, "s"));
      });
    });
    expectNothingLost(outcome);
    expect(outcome.after).not.toBe(small);
    // Measured without its agent's help: 14 s.
    expect(outcome.plain.longestGapMs).toBeLessThan(10_000);
  });
});

/** Everything of a node on a file system that is soon full, as if its host had such a disk. */
async function moveToSmallDisk(chaos: Chaos, node: string): Promise<void> {
  const folder = `/var/lib/redis-ha/hosts/${node}`;
  await chaos.systemctl(node, "stop", ...UNITS);
  const script = `
    set -e
    owner=$(stat --format=uid=%u,gid=%g,mode=%a ${folder})
    mv ${folder} ${folder}.moved
    mkdir ${folder}
    mount -t tmpfs -o size=${SMALL_DISK},$owner small ${folder}
    cp -a ${folder}.moved/. ${folder}`;
  await chaos.host(node).run(["sh", "-c", script]);
  await chaos.systemctl(node, "start", ...UNITS);
}
