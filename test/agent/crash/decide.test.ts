import { describe, expect, it, test } from "vitest";
import type { conditions } from "../../../agent/crash/decide.ts";
import { type CrashFacts, decideCrash, type MasterSample } from "../../../agent/crash/decide.ts";
import { redisEndpoint, type RedisState, type SentinelAnswer, type SentinelState } from "../../../cluster/answers.ts";
import { sentinelNaming } from "../../support/answers.ts";
import { peer } from "../../support/spec.ts";

const [a, b, c] = [peer("a"), peer("b"), peer("c")];
const NOW = 100_000;

const sample: MasterSample = {
  at: NOW - 100,
  runId: "run",
  replicationId: "history",
  offset: 1000,
  unwrittenBytes: 0,
  aof: { file: "f", manifest: "m", position: 500 },
  online: [redisEndpoint(b), redisEndpoint(c)],
};

const replica = (changes: Partial<RedisState> = {}): RedisState => ({
  role: "replica",
  master: redisEndpoint(a),
  link: "down",
  syncing: false,
  loading: false,
  offset: 1500,
  replicas: [],
  replicationId: "history",
  runId: "other",
  pid: 1,
  version: "7.0.15",
  configFile: "",
  ...changes,
});

/** A Sentinel whose connection to the master was just closed. */
const sentinel = (node: typeof a, changes: Partial<SentinelState> = {}): SentinelAnswer =>
  sentinelNaming(node, a, { flags: "master,disconnected", configEpoch: 1, ...changes });

const facts = (changes: Partial<CrashFacts> = {}): CrashFacts => ({
  node: a,
  mode: "promote",
  sample,
  now: NOW,
  downAfterMs: 2000,
  servers: [
    { node: a, error: "refused" },
    { node: b, state: replica() },
    { node: c, state: replica({ offset: 1200 }) },
  ],
  sentinels: [a, b, c].map((node) => sentinel(node)),
  handingOver: false,
  ...changes,
});
const servers = (ofB: Partial<RedisState>, ofC: Partial<RedisState> = ofB): CrashFacts["servers"] => [
  { node: a, error: "refused" },
  { node: b, state: replica(ofB) },
  { node: c, state: replica(ofC) },
];

describe("after the crash of a master", () => {
  it("the replica that has most takes over", () => {
    expect(decideCrash(facts())).toMatchObject({ do: "promote", to: b });
    expect(decideCrash(facts({ servers: servers({ offset: 1100 }, { offset: 1101 }) }))).toMatchObject({ to: c });
  });

  it("the decision carries the numbers that it was made with", () => {
    expect(decideCrash(facts()).because).toBe("redis-b is 500 bytes beyond the last sample, 100 ms old");
  });

  const silent = [
    { node: a, error: "refused" },
    { node: b, state: replica() },
    { node: c, error: "no answer in time" },
  ];
  const oneSentinel = (changes: Partial<SentinelState>): CrashFacts["sentinels"] => [
    sentinel(a),
    sentinel(b),
    sentinel(c, changes),
  ];
  const cases: [keyof typeof conditions, Partial<CrashFacts>, string | RegExp][] = [
    ["wanted", { mode: "restart" }, 'onMasterCrash is "restart"'],
    ["sampled", { sample: { ...sample, at: NOW - 2001 }, downAfterMs: 60_000 }, "the last sample is 2001 ms old"],
    ["provable", { sample: { ...sample, aof: undefined } }, "where its append-only file stood is not certain"],
    ["notHandingOver", { handingOver: true }, "its role is being handed over"],
    ["everyNodeAnswers", { servers: silent }, "redis-c does not answer"],
    ["noOtherMaster", { servers: servers({}, { role: "master" }) }, "redis-c is master already"],
    [
      "everySentinelAnswers",
      { sentinels: facts().sentinels.map((it, i) => (i ? it : { node: a, error: "x" })) },
      "the Sentinel of redis-a does not answer",
    ],
    [
      "sentinelsNameUs",
      { sentinels: oneSentinel({ master: redisEndpoint(b) }) },
      "the Sentinel of redis-c names another master",
    ],
    [
      "noFailover",
      { sentinels: oneSentinel({ flags: "master,s_down,o_down" }) },
      "the Sentinels are failing over already",
    ],
    ["inTime", { sample: { ...sample, at: NOW - 1400 } }, "the Sentinels begin to fail over in 600 ms"],
  ];
  test.each(cases)("the server is started where it was: %s", (condition, changes, because) => {
    expect(decideCrash(facts(changes))).toEqual({ do: "restart", because });
    // Nothing else stood in the way.
    expect(decideCrash(facts(changes), [condition]).do).toBe("promote");
  });

  it("the server is started where it was without a sample, as after the death of its agent", () => {
    const decision = decideCrash(facts({ sample: undefined }));
    expect(decision).toEqual({ do: "restart", because: "the agent has no sample of it as master" });
  });

  test.each<[string, Partial<RedisState>, string]>([
    ["follows another node", { master: redisEndpoint(c) }, "does not follow it"],
    ["is loading", { loading: true }, "is loading its data"],
    ["is receiving a full copy", { syncing: true }, "is receiving a full copy"],
    ["has another history", { replicationId: "else" }, "has another history"],
    ["is still linked", { link: "up" }, "is still linked"],
    ["is behind the sample", { offset: 999 }, "is 1 bytes behind the last sample"],
  ])("no replica takes over that %s", (_, changes, because) => {
    const decision = decideCrash(facts({ servers: servers(changes) }));
    expect(decision.do).toBe("restart");
    expect(decision.because).toContain(because);
    expect(decideCrash(facts({ servers: servers(changes) }), ["candidate"]).do).toBe("promote");
  });

  it("no replica takes over that was not online, or is never to be promoted", () => {
    expect(decideCrash(facts({ sample: { ...sample, online: [] } })).because).toContain("was not online");
    const barred = facts().servers.map((it) => ({ ...it, node: { ...it.node, promotable: false } }));
    expect(decideCrash(facts({ servers: barred })).because).toContain("is never to be promoted");
  });

  it("one that is fit takes over although another one is not", () => {
    expect(decideCrash(facts({ servers: servers({ syncing: true }, {}) }))).toMatchObject({ to: c });
  });
});
