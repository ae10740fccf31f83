import { describe, expect, it } from "vitest";
import { claimedMaster, type RoleClaim } from "../../agent/claims.ts";
import { coveredBy, judge } from "../../agent/repair/judge.ts";
import type { RedisAnswer, RedisState } from "../../cluster/answers.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { peer } from "../support/spec.ts";

const [a, b, c] = ["a", "b", "c"].map(peer) as [TopologyNode, TopologyNode, TopologyNode];
const at = (node: TopologyNode): { address: string; port: number } => ({
  address: node.address,
  port: node.redisPort as number,
});

function state(change: Partial<RedisState>): RedisState {
  return {
    role: "master",
    syncing: false,
    loading: false,
    offset: 100,
    replicas: [],
    replicationId: "one",
    runId: "",
    pid: 1,
    version: "7.0.15",
    configFile: "",
    ...change,
  };
}

describe("whether a master has everything that another server has", () => {
  const promoted = state({ replicationId: "two", offset: 150, former: { replicationId: "one", offset: 100 } });
  it.each<[string, Partial<RedisState>, boolean]>([
    ["the same history, no further", { replicationId: "two", offset: 150 }, true],
    ["the same history, further", { replicationId: "two", offset: 151 }, false],
    ["the history that it goes on from, up to where they part", { offset: 100 }, true],
    ["the history that it goes on from, beyond", { offset: 101 }, false],
    ["a history of its own, which nobody can compare", { replicationId: "three", offset: 1 }, false],
    [
      "promoted too, and nothing written since",
      { replicationId: "three", offset: 100, former: { replicationId: "one", offset: 100 } },
      true,
    ],
    [
      "promoted too, and written to since",
      { replicationId: "three", offset: 101, former: { replicationId: "one", offset: 100 } },
      false,
    ],
    [
      "promoted too, from further than the master was",
      { replicationId: "three", offset: 120, former: { replicationId: "one", offset: 120 } },
      false,
    ],
  ])("%s", (_case, other, expected) => {
    expect(coveredBy(promoted, state(other))).toBe(expected);
  });
});

describe("the master that the nodes' roles tell", () => {
  const master = (node: TopologyNode, answers = true): RoleClaim => ({ node, role: { kind: "master" }, answers });
  const replica = (node: TopologyNode, of: TopologyNode, answers = true): RoleClaim => ({
    node,
    role: { kind: "replica", of: at(of) },
    answers,
  });
  const nothing = (node: TopologyNode): RoleClaim => ({ node, role: { kind: "none" }, answers: false });
  it.each<[string, RoleClaim[], string | undefined]>([
    ["the only one that says so", [master(a), replica(b, a), replica(c, a)], "redis-a"],
    ["the only one on record", [master(a, false), replica(b, a, false)], "redis-a"],
    ["of two, the one that is followed", [master(a, false), master(b), replica(c, b)], "redis-b"],
    ["of two that nobody follows, none", [master(a), master(b)], undefined],
    ["of two that are both followed, none", [master(a), master(b), replica(c, b), replica(peer("d"), a)], undefined],
    ["the one that all follow, when it left nothing behind", [nothing(a), replica(b, a), replica(c, a)], "redis-a"],
    ["nobody in a circle", [replica(a, b), replica(b, c), replica(c, a)], undefined],
    ["nobody when they follow different ones", [nothing(a), replica(b, a), replica(c, b)], undefined],
    ["nobody without data", [nothing(a), nothing(b)], undefined],
  ])("%s", (_case, claims, expected) => {
    expect(claimedMaster(claims)?.name).toBe(expected);
  });
});

describe("the verdict without a majority of Sentinels", () => {
  const group = { nodes: [a, b, c], masterName: "m", quorum: 2 };
  const verdict = (servers: RedisAnswer[], claims: RoleClaim[]) => judge({ group, servers, sentinels: [], claims });

  it("is not given for a master when a replica of another may have more", () => {
    const servers = [
      { node: a, state: state({ offset: 50 }) },
      { node: b, state: state({ role: "replica", master: at(c), offset: 60 }) },
    ];
    const claims: RoleClaim[] = [
      { node: a, role: { kind: "master" }, answers: true },
      { node: b, role: { kind: "replica", of: at(c) }, answers: true },
    ];
    expect(verdict(servers, claims)).toEqual({
      unknown: "redis-a says that it is master, but another node may hold writes that it lacks",
    });
    const behind = servers.map((each) => ({ ...each, state: { ...each.state, offset: 50 } }));
    expect(verdict(behind, claims)).toEqual({ master: a, rivals: [] });
  });

  it("is not given for a master when one that is down was master too", () => {
    const claims: RoleClaim[] = [a, b].map((node) => ({ node, role: { kind: "master" }, answers: node === a }));
    expect(
      verdict(
        [
          { node: a, state: state({}) },
          { node: b, error: "refused" },
        ],
        claims,
      ),
    ).toEqual({
      unknown: "redis-a says that it is master, but so did redis-b before it went down",
    });
  });
});
