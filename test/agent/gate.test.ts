import { describe, expect, it } from "vitest";
import { gateObjection, type GateFacts } from "../../agent/gate.ts";
import { masterWith, replicaOf, sentinelNaming, silent } from "../support/answers.ts";
import { peer } from "../support/spec.ts";

const [a, b, c] = [peer("a"), peer("b"), peer("c")];
const whole: GateFacts = {
  group: { nodes: [a, b, c], masterName: "redis-ha-test", quorum: 2 },
  environment: "test",
  retired: [],
  servers: [masterWith(a, [b, c]), replicaOf(b, a), replicaOf(c, a)],
  sentinels: [a, b, c].map((node) => sentinelNaming(node, a)),
};
const cDown: GateFacts = {
  ...whole,
  servers: [masterWith(a, [b]), replicaOf(b, a), replicaOf(c, a, { link: "down", linkDownSeconds: 12 })],
};
const pair: GateFacts = {
  ...whole,
  group: { ...whole.group, nodes: [a, b, { ...c, kind: "witness", redisPort: undefined } as never] },
  servers: [masterWith(a, [b]), replicaOf(b, a)],
};
const repairC = "Repair redis-c first: npx redis-ha converge --env test --zone c";

describe("a restart is not objected to", () => {
  it.each<[string, GateFacts, typeof a, "redis" | "sentinel"]>([
    ["a replica of a whole cluster", whole, b, "redis"],
    ["the master of a whole cluster", whole, a, "redis"],
    ["the Sentinel of a whole cluster", whole, a, "sentinel"],
    ["the replica that is not in sync itself", cDown, c, "redis"],
    ["the only replica of a pair: there is no other to be had", pair, b, "redis"],
    ["the master of a pair with its replica in sync", pair, a, "redis"],
    [
      "a replica, while one Sentinel of three is down",
      { ...whole, sentinels: [...whole.sentinels.slice(0, 2), silent(c)] },
      b,
      "redis",
    ],
    [
      "the Sentinel that is down itself",
      { ...whole, sentinels: [...whole.sentinels.slice(0, 2), silent(c)] },
      c,
      "sentinel",
    ],
    [
      "a Sentinel where the quorum is all of them and all answer",
      { ...whole, group: { ...whole.group, quorum: 3 } },
      b,
      "sentinel",
    ],
    [
      "the one that is down itself, where the quorum is all of them",
      { ...whole, group: { ...whole.group, quorum: 3 }, sentinels: [...whole.sentinels.slice(0, 2), silent(c)] },
      c,
      "sentinel",
    ],
    [
      "a replica, when the other one was retired",
      { ...whole, retired: ["redis-c"], servers: [masterWith(a, [b]), replicaOf(b, a), silent(c)] },
      b,
      "redis",
    ],
    ["a Sentinel, while a replica is down", cDown, b, "sentinel"],
  ])("%s", (_, facts, node, server) => {
    expect(gateObjection(facts, node, server)).toBeUndefined();
  });
});

describe("a restart is objected to, with the reason and the way out", () => {
  it.each<[string, GateFacts, typeof a, "redis" | "sentinel", string]>([
    [
      "of the last replica in sync",
      cDown,
      b,
      "redis",
      `restarting redis-b now would leave no in-sync replica (redis-c: link down for 12 s). ${repairC}`,
    ],
    [
      "of the master, whose heir would be alone",
      cDown,
      a,
      "redis",
      `restarting redis-a now would leave no in-sync replica (redis-c: link down for 12 s). ${repairC}`,
    ],
    [
      "of a pair's master without a replica in sync",
      { ...pair, servers: [masterWith(a, []), replicaOf(b, a, { syncing: true })] },
      a,
      "redis",
      "restarting redis-a now would leave no in-sync replica (redis-b: is receiving a full copy). " +
        "Repair redis-b first: npx redis-ha converge --env test --zone b",
    ],
    [
      "of the master, when its replicas must not be promoted",
      {
        ...whole,
        servers: [masterWith(a, [b, c]), ...[b, c].map((node) => replicaOf({ ...node, promotable: false }, a))],
      },
      a,
      "redis",
      "restarting redis-a now would leave nobody to take over. Make another replica promotable first",
    ],
    [
      "of a server, with too few Sentinels",
      { ...whole, sentinels: [sentinelNaming(a, a), silent(b), silent(c)] },
      b,
      "redis",
      "restarting redis-b now would leave nobody to fail over (1 of 3 Sentinels would answer, 2 are needed). " +
        "Repair redis-b first: npx redis-ha converge --env test --zone b",
    ],
    [
      "of a Sentinel, without which there are too few",
      { ...whole, sentinels: [...whole.sentinels.slice(0, 2), silent(c)] },
      b,
      "sentinel",
      `restarting the Sentinel of redis-b now would leave nobody to fail over (1 of 3 Sentinels would answer, 2 are needed). ${repairC}`,
    ],
    [
      "during a failover",
      { ...whole, sentinels: [a, b, c].map((node) => sentinelNaming(node, a, { flags: "master,o_down" })) },
      b,
      "redis",
      "the Sentinels are replacing the master just now. Wait until npx redis-ha verify --env test --wait 30 holds",
    ],
    [
      "when nobody is master",
      { ...whole, servers: [silent(a), replicaOf(b, a), replicaOf(c, a)] },
      b,
      "redis",
      "no node is master and named by the Sentinels, so nobody knows which copy of the data is the newest. " +
        "See npx redis-ha verify --env test",
    ],
    [
      "when the Sentinels name another than the master",
      { ...whole, sentinels: [a, b, c].map((node) => sentinelNaming(node, b)) },
      c,
      "redis",
      "no node is master and named by the Sentinels, so nobody knows which copy of the data is the newest. " +
        "See npx redis-ha verify --env test",
    ],
  ])("%s", (_, facts, node, server, objection) => {
    expect(gateObjection(facts, node, server)).toBe(objection);
  });

  it("says what is about to be done", () => {
    expect(gateObjection(cDown, b, "redis", "retiring")).toMatch(
      /^retiring redis-b now would leave no in-sync replica/,
    );
  });
});
