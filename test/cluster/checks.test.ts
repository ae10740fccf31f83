import { describe, expect, it } from "vitest";
import type { RedisState, SentinelState } from "../../cluster/answers.ts";
import { IN_STEP_SECONDS } from "../../cluster/answers.ts";
import { CAUGHT_UP_BYTES } from "../../cluster/checks-replication.ts";
import type { Evidence, Expectation } from "../../cluster/evidence.ts";
import { checks } from "../../cluster/verify.ts";
import type { InventoryEnvironment } from "../../topology/inventory.ts";
import type { TopologyNode } from "../../topology/topology.ts";

// What cannot be brought about at will on real servers; everything else is in verify.test.ts.

const nodes = ["a", "b", "c"].map((zone, index): TopologyNode => ({
  name: `redis-${zone}`,
  zone,
  kind: "data",
  address: "10.0.0.1",
  redisPort: 6401 + index,
  sentinelPort: 26401 + index,
  promotable: true,
}));
const endpoint = (port: number): { address: string; port: number } => ({ address: "10.0.0.1", port });

function evidence(change: {
  redis?: Record<string, Partial<RedisState>>;
  info?: Record<string, Record<string, string>>;
  sentinel?: Record<string, Partial<SentinelState>>;
}): Evidence {
  return {
    redis: nodes.map((node, index) => ({
      node,
      answer: {
        state: {
          role: index === 0 ? "master" : "replica",
          ...(index === 0 ? {} : { master: endpoint(6401), link: "up" as const }),
          syncing: false,
          loading: false,
          offset: 10_000_000,
          goodReplicas: 2,
          replicas:
            index === 0
              ? [6402, 6403].map((port) => ({ ...endpoint(port), state: "online", offset: 0, lagSeconds: 1 }))
              : [],
          replicationId: "",
          runId: "",
          pid: 1,
          version: "8.0.2",
          configFile: "",
          ...change.redis?.[node.name],
        },
        info: change.info?.[node.name] ?? {},
        config: {},
      },
    })),
    sentinels: nodes.map((node) => ({
      node,
      answer: {
        state: {
          master: endpoint(6401),
          flags: "master",
          masterReports: "master",
          configEpoch: 3,
          masterSilentMs: 0,
          quorum: 2,
          downAfterMs: 2000,
          failoverTimeoutMs: 10_000,
          parallelSyncs: 1,
          replicas: [6402, 6403].map((port) => ({ ...endpoint(port), flags: "slave" })),
          sentinels: [26401, 26402, 26403]
            .filter((port) => port !== node.sentinelPort)
            .map((port) => ({ ...endpoint(port), flags: "sentinel" })),
          pid: 2,
          configFile: "",
          ...change.sentinel?.[node.name],
        },
      },
    })),
    files: new Map(),
  };
}

const inventory: InventoryEnvironment = {
  target: "ssh",
  engine: "redis",
  masterName: "test-prod",
  quorum: 2,
  minReplicasToWrite: 1,
  secrets: { kind: "file" },
  tls: true,
  nodes,
  stacks: [],
};
const expectation: Expectation = { environment: "prod", inventory, specs: new Map() };

const failing = (change: Parameters<typeof evidence>[0], expected = expectation): string[] =>
  checks(evidence(change), expected)
    .filter(({ holds }) => !holds)
    .map(({ id, node }) => (node === null ? id : `${id} ${node}`));

const lagging = (lagSeconds: number): Partial<RedisState> => ({
  replicas: [6402, 6403].map((port) => ({ ...endpoint(port), state: "online", offset: 0, lagSeconds })),
});

describe("checks", () => {
  it.each<[string, Parameters<typeof evidence>[0], string[]]>([
    ["nothing is wrong", {}, []],
    [
      "a replica is as far behind as two questions may be apart",
      { redis: { "redis-b": { offset: 10_000_000 - CAUGHT_UP_BYTES } } },
      [],
    ],
    [
      "it is one byte further",
      { redis: { "redis-b": { offset: 9_999_999 - CAUGHT_UP_BYTES } } },
      ["replica-caught-up redis-b"],
    ],
    ["a replica was asked after the master", { redis: { "redis-b": { offset: 10_000_500 } } }, []],
    ["acknowledgements are as old as they get", { redis: { "redis-a": lagging(IN_STEP_SECONDS) } }, []],
    [
      "they are older",
      { redis: { "redis-a": lagging(IN_STEP_SECONDS + 1) } },
      ["replica-caught-up redis-b", "replica-caught-up redis-c"],
    ],
    ["a server is loading", { redis: { "redis-b": { loading: true } } }, ["loaded redis-b"]],
    ["a replica receives a full copy", { redis: { "redis-c": { syncing: true } } }, ["replica-link redis-c"]],
    [
      "no server is master",
      { redis: { "redis-a": { role: "replica", master: endpoint(6402), link: "up" } } },
      ["one-master"],
    ],
    ["too few replicas are in step", { redis: { "redis-a": { goodReplicas: 0 } } }, ["good-replicas redis-a"]],
    ["the append-only file fails", { info: { "redis-a": { aof_last_write_status: "err" } } }, ["persistence redis-a"]],
    ["a snapshot failed", { info: { "redis-b": { rdb_last_bgsave_status: "err" } } }, ["persistence redis-b"]],
    ["a rewrite failed", { info: { "redis-b": { aof_last_bgrewrite_status: "err" } } }, ["persistence redis-b"]],
    ["an epoch differs", { sentinel: { "redis-c": { configEpoch: 4 } } }, ["sentinel-epochs"]],
    [
      "a failover is on",
      { sentinel: { "redis-a": { flags: "master,failover_in_progress" } } },
      ["sentinel-flags redis-a"],
    ],
    [
      "one Sentinel alone cannot reach a node that answers us",
      {
        sentinel: {
          "redis-a": {
            replicas: [6402, 6403].map((port) => ({
              ...endpoint(port),
              flags: port === 6402 ? "slave" : "s_down,slave",
            })),
          },
          "redis-b": {
            sentinels: [26401, 26403].map((port) => ({
              ...endpoint(port),
              flags: port === 26401 ? "sentinel" : "s_down,sentinel",
            })),
          },
        },
      },
      ["sentinel-peers redis-b", "sentinel-replicas redis-a"],
    ],
  ])("%s", (_case, change, expected) => {
    expect(failing(change)).toEqual(expected);
  });

  it("takes a former master with a new one named by a quorum for the wrong one of two", () => {
    const moved: Partial<SentinelState> = {
      master: endpoint(6402),
      replicas: [6401, 6403].map((port) => ({ ...endpoint(port), flags: "slave" })),
    };
    const found = checks(
      evidence({
        redis: { "redis-b": { role: "master", master: undefined, link: undefined } },
        sentinel: { "redis-a": moved, "redis-b": moved },
      }),
      expectation,
    ).filter(({ holds }) => !holds);
    expect(found.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        "redis-a and redis-b say that they are master",
        "the Sentinel of redis-c names redis-a, not redis-b",
        "redis-c follows redis-a, not redis-b",
      ]),
    );
  });

  it("does not let less than a majority decide, whatever the quorum", () => {
    const moved: Partial<SentinelState> = { master: endpoint(6402) };
    const found = checks(evidence({ sentinel: { "redis-a": moved } }), {
      ...expectation,
      inventory: { ...inventory, quorum: 1 },
    });
    expect(found.filter(({ id, holds }) => id === "sentinel-names-master" && !holds).map(({ node }) => node)).toEqual([
      "redis-a",
    ]);
  });

  it("never shows a password that differs", () => {
    const shown = evidence({});
    const spec = { files: { "redis.conf": "requirepass new-secret\nmasterauth new-secret\n" }, node: nodes[0] };
    const config = { requirepass: "old-secret", masterauth: "old-secret" };
    const found = checks(
      { ...shown, redis: shown.redis.map((each) => ({ ...each, answer: { ...each.answer!, config } })) },
      { ...expectation, specs: new Map([["redis-a", { spec: spec as never, state: "unknown" }]]) },
    );
    const text = JSON.stringify(found);
    expect(text).toContain("requirepass differs; masterauth differs");
    expect(text).not.toMatch(/(old|new)-secret/);
  });
});
