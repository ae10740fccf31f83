import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { threeNodes } from "../support/checkout.ts";
import { expectNothingLost } from "../support/applied-cluster.ts";
import { type Check, Wreckage } from "../support/wreckage.ts";

const immutable = (flag: "+i" | "-i", folder: string): void => {
  execFileSync("chattr", [flag, folder], { stdio: "pipe" });
};

/** Not even root writes into a folder with this flag, as on a file system that became read-only. */
function whyNotImmutable(): string | undefined {
  const folder = fs.mkdtempSync("/tmp/rh-flag-");
  try {
    immutable("+i", folder);
    immutable("-i", folder);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const why = whyNotImmutable();
if (why !== undefined) console.warn(`SKIPPED, no folder is made read-only: ${why}`);

/** A failover and a hand-over have each server write its new role down. */
describe.skipIf(why !== undefined).sequential("24: a node cannot write its configuration", () => {
  let wreckage: Wreckage;
  const locked = new Set<string>();
  const lock = (folder: string): void => {
    locked.add(folder);
    immutable("+i", folder);
  };
  const unlock = (): void => {
    for (const folder of locked) immutable("-i", folder);
    locked.clear();
  };
  beforeAll(async () => {
    wreckage = await Wreckage.create(threeNodes("local", 17780));
    await wreckage.write();
  });
  afterEach(unlock);
  afterAll(() => wreckage?.remove());

  const failingOf = async (node: string): Promise<Check[]> =>
    (await wreckage.failing()).filter((check) => check.node === node);
  const redisFolder = (node: string): string => path.dirname(wreckage.folder(node).runtimeConf);
  const sentinelFolder = (node: string): string => path.dirname(wreckage.folder(node).sentinelState);

  it.each([
    ["redis-server", "redis-", redisFolder],
    ["Sentinel", "the Sentinel of redis-", sentinelFolder],
  ])("%s: verify says so before a failover needs it", async (_, who, folder) => {
    const node = await wreckage.replica();
    lock(folder(node));
    const failing = await failingOf(node);
    console.log(failing.map(({ id, message, remedy }) => `${id}: ${message}: ${remedy}`).join("\n"));
    expect(failing.map(({ id }) => id)).toEqual(["config-rewrite"]);
    expect(failing[0]?.message).toMatch(new RegExp(`^${who}. cannot write .*: it would forget who is master$`));
    expect(failing[0]?.remedy).toContain(folder(node));
    unlock();
    expect(await wreckage.failing()).toEqual([]);
  });

  it("its role is not handed to it, and nothing is lost", async () => {
    const node = await wreckage.replica();
    const master = await wreckage.cluster.whole();
    lock(redisFolder(node));
    const load = await wreckage.cluster.underLoad(async () => {
      const { code, all } = await wreckage.checkout.redisHa("failover", "--to", node, "--env", "local");
      expect(code).toBe(1);
      expect(all).toContain(`it cannot take over (${node}: cannot write its configuration file`);
    });
    expectNothingLost(load);
    expect(await wreckage.cluster.whole()).toBe(master);
    unlock();
    await wreckage.holds();
  });

  it("promoted all the same: one master, and after a power cut one again, with everything that the others had too", async () => {
    const former = await wreckage.cluster.whole();
    const others = wreckage.cluster.names.filter((name) => name !== former);
    for (const node of others) lock(redisFolder(node));
    let master = "";
    const load = await wreckage.cluster.underLoad(async () => {
      await wreckage.kill(former, "agent", "redis");
      master = await wreckage.cluster.masterOtherThan(former);
      wreckage.startAgent(former);
      await wreckage.cluster.whole();
    });
    expectNothingLost(load);
    // A write that only the promoted node has is not promised, as its file says that it is a replica; and with everysec one
    // that a node has confirmed may not be in its file yet.
    await wreckage.write();
    await wreckage.inFiles(...wreckage.cluster.names);
    await wreckage.killAll();
    unlock();
    for (const node of wreckage.cluster.names) wreckage.startAgent(node);
    console.log(`${master} was promoted, ${await wreckage.cluster.whole(60_000)} is master after the power cut`);
    await wreckage.holds();
  });
});
