import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeFolder, type NodeFolder, readIfThere } from "../../agent/node-folder.ts";
import { waitFor } from "../../agent/processes.ts";
import { priorityOf, Recency, startPriority } from "../../agent/recency.ts";
import type { RedisState } from "../../cluster/answers.ts";
import { replicaOf } from "../support/answers.ts";
import { peer, specOf } from "../support/spec.ts";

const [a, b] = [peer("a"), peer("b")];
const now = Date.UTC(2026, 10, 25);

let root: string;
let folder: NodeFolder;
beforeEach(() => {
  root = fs.mkdtempSync("/tmp/rh-");
  folder = nodeFolder(root, "test", "redis-b");
  fs.mkdirSync(path.join(folder.redisData, "appendonlydir"), { recursive: true });
});
afterEach(() => fs.rmSync(root, { recursive: true }));

describe("the priority with which redis-server starts", () => {
  it("is worse than that of any replica that follows, and the better the younger the data", () => {
    const ages = [0, 1000, 60_000, 86_400_000, now].map((age) => priorityOf(now - age));
    expect(ages).toEqual([...ages].sort((x, y) => x - y));
    expect(new Set(ages).size).toBe(ages.length);
    expect(ages[0]).toBeGreaterThan(100);
    expect(ages.at(-1)).toBe(2 ** 31 - 1);
  });

  it("stays a number that redis takes, now and when the numbers have run out", () => {
    for (const year of [1970, 2024, 2040, 2100]) {
      const priority = priorityOf(Date.UTC(year, 0, 1));
      expect(priority).toBeGreaterThan(100);
      expect(priority).toBeLessThan(2 ** 31);
    }
  });

  it("is taken from the node's own note", () => {
    fs.writeFileSync(folder.inStep, String(now));
    expect(startPriority(specOf("b"), folder)).toBe(String(priorityOf(now)));
  });

  it("is the worst where there is no note", () => {
    expect(startPriority(specOf("b"), folder)).toBe(String(2 ** 31 - 1));
  });

  it("is 0 for a node without data: an empty one is never promoted", () => {
    fs.rmSync(folder.redisData, { recursive: true });
    fs.writeFileSync(folder.inStep, String(now));
    expect(startPriority(specOf("b"), folder)).toBe("0");
  });

  it("is left alone for a node that is never to be promoted", () => {
    expect(startPriority(specOf("b", { node: { ...b, promotable: false } }), folder)).toBeUndefined();
  });
});

describe("until when a node is in step", () => {
  const settled = { aof_rewrite_in_progress: "0", aof_rewrite_scheduled: "0" };
  const rewriting = { aof_rewrite_in_progress: "1", aof_rewrite_scheduled: "0" };
  const state = (changes: Parameters<typeof replicaOf>[2]) => replicaOf(b, a, changes).state as RedisState;
  const noted = (at: number): Promise<unknown> =>
    waitFor("a note", () => (readIfThere(folder.inStep) === String(at) ? true : undefined), 2000);

  it("is noted while it follows", async () => {
    const recency = new Recency(folder);
    recency.seen(state({ link: "up" }), settled, true, now);
    expect(recency.inStep).toBe(1);
    await noted(now);
  });

  it.each([
    ["its link is down", { link: "down" as const }, settled, true],
    ["it receives a copy", { link: "up" as const, syncing: true }, settled, true],
    ["it loads", { link: "up" as const, loading: true }, settled, true],
    ["a copy is not in its files yet", { link: "up" as const }, rewriting, true],
    ["it is a master that takes no writes", { role: "master" as const }, settled, false],
  ])("is not noted when %s", (_, changes, info, confirmed) => {
    const recency = new Recency(folder);
    recency.seen(state(changes), info, confirmed, now);
    expect(recency.inStep).toBeUndefined();
  });

  it("goes on while its files are rewritten, as they are complete meanwhile", () => {
    const recency = new Recency(folder);
    recency.seen(state({ link: "up" }), settled, true, now);
    recency.seen(state({ link: "up" }), rewriting, true, now + 1000);
    expect(recency.inStep).toBe(1);
  });

  it("is that of one process: the next one has to be seen", () => {
    const recency = new Recency(folder);
    recency.seen(state({ link: "up", pid: 7 }), settled, true, now);
    expect(recency.inStep).toBe(7);
    recency.seen(state({ link: "up", pid: 8 }), rewriting, true, now + 1000);
    expect(recency.inStep).toBeUndefined();
  });

  it("has to be seen anew after the link was down", () => {
    const recency = new Recency(folder);
    recency.seen(state({ link: "up" }), settled, true, now);
    recency.seen(state({ link: "down" }), settled, true, now + 1000);
    recency.seen(state({ link: "up" }), rewriting, true, now + 2000);
    expect(recency.inStep).toBeUndefined();
  });

  it("is overwritten in place, and readable at any time", async () => {
    fs.writeFileSync(folder.inStep, String(now - 1000));
    const before = fs.statSync(folder.inStep).ino;
    new Recency(folder).seen(state({ link: "up" }), settled, true, now);
    await noted(now);
    expect(fs.statSync(folder.inStep).ino).toBe(before);
  });
});
