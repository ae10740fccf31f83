import { describe, expect, it } from "vitest";
import {
  ownView,
  reconcileSentinelState,
  seedSentinelState,
  sentinelId,
  withMaster,
} from "../../agent/sentinel-state.ts";
import { allNodes } from "../../topology/node-spec.ts";
import { specOf } from "../support/spec.ts";

const spec = specOf("a");
const at = (port: number): { address: string; port: number } => ({ address: "127.0.0.1", port });
const seeded = seedSentinelState(spec, at(7001), 3, allNodes(spec));

describe("the seeded state of a Sentinel", () => {
  it("names the master, and every other node from the start", () => {
    expect(seeded.split("\n")).toEqual([
      `sentinel myid ${sentinelId("redis-ha-test", "redis-a")}`,
      "sentinel monitor redis-ha-test 127.0.0.1 7001 2",
      "sentinel config-epoch redis-ha-test 3",
      "sentinel leader-epoch redis-ha-test 3",
      "sentinel current-epoch 3",
      "sentinel known-replica redis-ha-test 127.0.0.1 7002",
      "sentinel known-replica redis-ha-test 127.0.0.1 7003",
      `sentinel known-sentinel redis-ha-test 127.0.0.1 27002 ${sentinelId("redis-ha-test", "redis-b")}`,
      `sentinel known-sentinel redis-ha-test 127.0.0.1 27003 ${sentinelId("redis-ha-test", "redis-c")}`,
      "",
    ]);
  });

  it("leaves out whom it is not told of: Sentinel would make a replica of whoever has that port", () => {
    expect(seedSentinelState(spec, at(7001), 0, [])).not.toContain("known-replica");
  });

  it("gives every Sentinel of every cluster an id of its own, always the same", () => {
    const ids = ["redis-a", "redis-b"].flatMap((node) => ["one", "two"].map((name) => sentinelId(name, node)));
    expect(new Set(ids).size).toBe(4);
    expect(sentinelId("one", "redis-a")).toMatch(/^[0-9a-f]{40}$/);
    expect(sentinelId("one", "redis-a")).toBe(ids[0]);
  });
});

describe("the state of a Sentinel that was away", () => {
  it("is left alone when nobody knows better", () => {
    expect(reconcileSentinelState(seeded, spec, undefined)).toEqual({ text: seeded, changes: [] });
  });

  it("is left alone when its peers agree with it", () => {
    expect(reconcileSentinelState(seeded, spec, { master: at(7001), epoch: 3, source: "its peers" }).changes).toEqual(
      [],
    );
  });

  it("takes master and epoch from its peers when they moved on", () => {
    const { text, changes } = reconcileSentinelState(seeded, spec, { master: at(7002), epoch: 5, source: "its peers" });
    expect(changes).toEqual(["master 127.0.0.1:7002 with epoch 5, from its peers"]);
    expect(text).toContain("sentinel monitor redis-ha-test 127.0.0.1 7002 2\nsentinel config-epoch redis-ha-test 5\n");
    expect(text).toContain("sentinel current-epoch 5");
    expect(text.match(/known-replica .*/g)).toEqual(
      [7001, 7003].map((port) => `known-replica redis-ha-test 127.0.0.1 ${port}`),
    );
    expect(text.match(/config-epoch|current-epoch|leader-epoch/g)).toHaveLength(3);
    expect(text).toContain("known-sentinel redis-ha-test 127.0.0.1 27002");
  });

  it("gives up an epoch of its own that is higher, when the others agree on another master", () => {
    const stale = seeded.replaceAll(" 3", " 9");
    const { text } = reconcileSentinelState(stale, spec, { master: at(7002), epoch: 5, source: "its peers" });
    expect(text).toContain("sentinel config-epoch redis-ha-test 5");
    // Votes are counted by the current epoch, which never goes back.
    expect(text).toContain("sentinel current-epoch 9");
  });

  it("follows a changed quorum", () => {
    const { text, changes } = reconcileSentinelState(seeded, { ...spec, quorum: 3 }, undefined);
    expect(changes).toEqual(["quorum 3"]);
    expect(text).toContain("sentinel monitor redis-ha-test 127.0.0.1 7001 3\n");
  });

  it("forgets nodes that the environment does not list any more", () => {
    const withGhosts = `${seeded}sentinel known-replica redis-ha-test 127.0.0.1 7009\nsentinel known-sentinel redis-ha-test 127.0.0.1 27009 ${"f".repeat(40)}\n`;
    const { text, changes } = reconcileSentinelState(withGhosts, spec, undefined);
    expect(text).toBe(seeded);
    expect(changes).toEqual(["forgot replica 127.0.0.1 7009", `forgot sentinel 127.0.0.1 27009 ${"f".repeat(40)}`]);
  });

  it("forgets a replica on whose port somebody else's server answers", () => {
    const { text } = reconcileSentinelState(seeded, spec, undefined, allNodes(spec).slice(1, 2));
    expect(text).not.toContain("known-replica redis-ha-test 127.0.0.1 7002");
    expect(text).toContain("known-replica redis-ha-test 127.0.0.1 7003");
  });

  it("keeps what belongs to another master", () => {
    const other = `${seeded}sentinel known-replica other 127.0.0.1 7009\n`;
    expect(reconcileSentinelState(other, spec, undefined).text).toBe(other);
  });
});

describe("a master and an epoch that are new to the group", () => {
  const lines = (text: string): string[] => text.split("\n").filter(Boolean).sort();

  it("of the same master change the three epochs, and leave the rest as it is", () => {
    const text = withMaster(seeded, spec, at(7001), 7);
    expect(lines(text)).toEqual(lines(seeded.replaceAll(/(epoch.*) 3$/gm, "$1 7")));
    expect(ownView(text, "redis-ha-test")).toMatchObject({ configEpoch: 7, currentEpoch: 7, master: at(7001) });
  });

  it("are put into a file without an epoch, as after SENTINEL MONITOR", () => {
    const fresh = seeded
      .split("\n")
      .filter((line) => !line.includes("epoch"))
      .join("\n");
    expect(lines(withMaster(fresh, spec, at(7001), 7))).toEqual(lines(withMaster(seeded, spec, at(7001), 7)));
  });

  it("replace the master that a Sentinel names which was silent while the others were told", () => {
    const text = withMaster(seeded, spec, at(7002), 7);
    expect(ownView(text, "redis-ha-test")).toMatchObject({ configEpoch: 7, currentEpoch: 7, master: at(7002) });
    expect(text).toContain("known-replica redis-ha-test 127.0.0.1 7001");
    expect(text).not.toContain("known-replica redis-ha-test 127.0.0.1 7002");
    // Its next start asks the others, who have epoch 0 of this master: that must not take it back.
    const known = { master: at(7002), epoch: 0, source: "its peers" };
    expect(reconcileSentinelState(text, spec, known).changes).toEqual([]);
  });

  it("are what a Sentinel begins with that watches nothing", () => {
    expect(ownView(withMaster("", spec, at(7002), 7), "redis-ha-test")).toMatchObject({
      configEpoch: 7,
      currentEpoch: 7,
      master: at(7002),
    });
  });

  it("leave another master's state alone", () => {
    const other = `${seeded}sentinel monitor other 127.0.0.1 7009 2\nsentinel config-epoch other 2\n`;
    expect(withMaster(other, spec, at(7001), 7)).toContain("sentinel config-epoch other 2\n");
  });
});
