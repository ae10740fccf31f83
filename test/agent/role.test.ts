import { describe, expect, it } from "vitest";
import { decideRole, persistedRole, type PersistedRole, type RoleFacts } from "../../agent/role.ts";
import type { RedisAnswer, SentinelAnswer } from "../../cluster/answers.ts";
import { sentinelNaming } from "../support/answers.ts";
import { peer, specOf } from "../support/spec.ts";

const a = peer("a");
const b = peer("b");
const c = peer("c");

const names = (voter: typeof a, named: typeof a, flags = "master"): SentinelAnswer =>
  sentinelNaming(voter, named, { flags });
const silent = (node: typeof a): { node: typeof a; error: string } => ({ node, error: "connection refused" });

const redis = (node: typeof a, follows?: typeof a): RedisAnswer => ({
  node,
  state: {
    role: follows ? "replica" : "master",
    ...(follows
      ? { master: { address: follows.address, port: follows.redisPort as number }, link: "up" as const }
      : {}),
    syncing: false,
    loading: false,
    offset: 0,
    replicas: [],
    replicationId: "",
    runId: "",
    pid: 1,
    version: "7.0.15",
    configFile: "",
  },
});

const none: PersistedRole = { kind: "none" };
const master: PersistedRole = { kind: "master" };
const replicaOf = (node: typeof a): PersistedRole => ({
  kind: "replica",
  of: { address: node.address, port: node.redisPort as number },
});

/** Facts of a node that was in use, has its data, and hears nobody, with changes. */
function facts(node: "a" | "b", changes: Partial<RoleFacts>): RoleFacts {
  return {
    spec: specOf(node),
    persisted: master,
    initialised: true,
    hasData: true,
    groupIsNew: false,
    sentinels: [a, b, c].map(silent),
    peers: [],
    ...changes,
  };
}
const fresh = { persisted: none, initialised: false, hasData: false } as const;

const short = (decision: ReturnType<typeof decideRole>): string =>
  decision.role === "replica"
    ? `replica of ${decision.of.port}`
    : decision.role === "master"
      ? decision.fenced
        ? "fenced master"
        : "master"
      : "wait";

describe("the role in which redis-server starts", () => {
  const all = (named: typeof a): SentinelAnswer[] => [names(a, named), names(b, named), names(c, named)];
  it.each<[string, RoleFacts, string]>([
    ["a quorum names another: its replica", facts("a", { sentinels: all(b) }), "replica of 7002"],
    [
      "a quorum names another that does not answer: still its replica",
      facts("a", { sentinels: [silent(b), names(a, b), names(c, b)], peers: [silent(b)] }),
      "replica of 7002",
    ],
    [
      "a quorum names this node: master as before, once they have heard it",
      facts("a", { sentinels: all(a) }),
      "fenced master",
    ],
    [
      "a quorum names this node, which was a replica: as it was",
      facts("b", { persisted: replicaOf(a), sentinels: all(b) }),
      "replica of 7001",
    ],
    [
      "a quorum names this node but its data is gone: never an empty master",
      facts("a", { hasData: false, sentinels: all(a) }),
      "wait",
    ],
    [
      "a quorum names this node, which is empty and has no record: never an empty master",
      facts("a", { ...fresh, sentinels: all(a) }),
      "wait",
    ],
    [
      "a quorum names this node, but is failing it over: takes no writes beside the new master",
      facts("a", { sentinels: [names(a, a), names(b, a, "s_down,o_down,master,failover_in_progress"), names(c, a)] }),
      "fenced master",
    ],
    [
      "was replica of an address that is no node any more, nobody is master: follows no stranger, waits",
      facts("b", { persisted: replicaOf(peer("h")) }),
      "wait",
    ],
    [
      "was replica of an address that is no node any more, another node is master: its replica",
      facts("b", { persisted: replicaOf(peer("h")), peers: [redis(a)] }),
      "replica of 7001",
    ],
    [
      "first start when the peers follow an address that is no node: follows no stranger",
      facts("b", { ...fresh, peers: [redis(c, peer("h"))] }),
      "replica of 7001",
    ],
    ["no quorum, was replica: stays replica", facts("b", { persisted: replicaOf(a) }), "replica of 7001"],
    [
      "no quorum, its role was handed over to one that is master: its replica",
      facts("a", { handingOver: { to: "redis-b" }, peers: [redis(b)] }),
      "replica of 7002",
    ],
    [
      "no quorum, its role was handed over to one that is down, and another says that it is master: not its replica",
      facts("a", { handingOver: { to: "redis-b" }, peers: [silent(b), redis(c)] }),
      "fenced master",
    ],
    [
      "no quorum, its role was being handed over to whom Sentinel chooses: replica of who is master",
      facts("a", { handingOver: {}, peers: [redis(b)] }),
      "replica of 7002",
    ],
    ["no quorum, was master: master that takes no writes", facts("a", {}), "fenced master"],
    [
      "one Sentinel is no quorum: was master, takes no writes",
      facts("a", { sentinels: [silent(a), names(b, b), silent(c)] }),
      "fenced master",
    ],
    [
      "Sentinels disagree: no quorum",
      facts("a", { sentinels: [names(a, a), names(b, b), names(c, c)] }),
      "fenced master",
    ],
    ["was master, data gone, no quorum: waits", facts("a", { hasData: false }), "wait"],
    [
      "was master, data gone, another node is master: its replica",
      facts("a", { hasData: false, peers: [redis(b), redis(c, b)] }),
      "replica of 7002",
    ],
    [
      "the operator chose it, and it has data: master that takes no writes until the Sentinels agree",
      facts("b", { persisted: replicaOf(peer("h")), elected: true }),
      "fenced master",
    ],
    [
      "the operator chose it, but its data is gone: never an empty master",
      facts("b", { hasData: false, elected: true }),
      "wait",
    ],
    ["first start of the seed in a new group: master", facts("a", { ...fresh, groupIsNew: true }), "master"],
    [
      "first start of the seed when the group has data and nobody answers: waits",
      facts("a", { ...fresh, groupIsNew: false }),
      "wait",
    ],
    [
      "first start of the seed when the others follow it: it has lost its disk, waits",
      facts("a", { ...fresh, peers: [redis(b, a), redis(c, a)] }),
      "wait",
    ],
    [
      "first start of the seed when another node is master: its replica",
      facts("a", { ...fresh, groupIsNew: true, peers: [redis(b), redis(c, b)] }),
      "replica of 7002",
    ],
    ["first start of another node: replica of the seed", facts("b", { ...fresh, groupIsNew: true }), "replica of 7001"],
    [
      "first start when a peer follows a silent master: its replica too",
      facts("b", { ...fresh, peers: [redis(c, a), silent(a)] }),
      "replica of 7001",
    ],
    [
      "two masters, one of them followed: replica of that one",
      facts("b", { ...fresh, peers: [redis(a), redis({ ...c }, undefined), redis({ ...peer("d") }, a)] }),
      "replica of 7001",
    ],
    [
      "role not on record, but data there, and nobody answers: master that takes no writes",
      facts("b", { persisted: none }),
      "fenced master",
    ],
  ])("%s", (_rule, given, expected) => {
    expect(short(decideRole(given))).toBe(expected);
  });

  it("gives a reason for every decision", () => {
    expect(decideRole(facts("a", { sentinels: all(b) })).because).toBe("a quorum of Sentinels names redis-b");
  });
});

describe("the role that runtime.conf records", () => {
  it.each<[string, string | undefined, PersistedRole]>([
    ["no file", undefined, none],
    ["an empty file is a master's", "", master],
    ["a replica's line among what CONFIG REWRITE adds", 'dir "/x"\nreplicaof 127.0.0.1 7001\nsave ""\n', replicaOf(a)],
    ["the old word", "slaveof 127.0.0.1 7002\n", replicaOf(b)],
    ["a comment is no role", "# replicaof 127.0.0.1 7001\n", master],
  ])("%s", (_case, text, expected) => {
    expect(persistedRole(text)).toEqual(expected);
  });
});
