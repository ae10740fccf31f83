import { describe, expect, it } from "vitest";
import { type RedisAnswer, redisStateOf, type SentinelAnswer } from "../../cluster/answers.ts";
import { rolesOf } from "../../cluster/roles.ts";
import { lagBehind, nameOf, summary, troubles, viewOf } from "../../cluster/view.ts";
import type { InventoryEnvironment } from "../../topology/inventory.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { sentinelNaming } from "../support/answers.ts";

const nodes = ["a", "b", "c"].map((zone, index): TopologyNode => ({
  name: `redis-${zone}`,
  zone,
  kind: "data",
  address: `10.0.0.${index + 1}`,
  redisPort: 6379,
  sentinelPort: 26379,
  promotable: true,
}));
const inventory: InventoryEnvironment = {
  target: "ssh",
  engine: "redis",
  masterName: "m",
  quorum: 2,
  minReplicasToWrite: 1,
  secrets: { kind: "file" },
  tls: true,
  nodes,
  stacks: [],
};

const master = {
  role: "master",
  master_repl_offset: "100",
  slave0: "ip=10.0.0.2,port=6379,state=online,offset=90,lag=1",
};
const replica = {
  role: "slave",
  master_host: "10.0.0.1",
  master_port: "6379",
  master_link_status: "up",
  slave_repl_offset: "90",
};
const refused = "10.0.0.1:6379: connection refused";

type Info = Record<string, string> | string;
type Named = number | string | [number, string];

/** Servers as INFO fields or an error, Sentinels as the number of the node that they name or an error. */
function view(servers: Info[], sentinels: Named[]): ReturnType<typeof viewOf> {
  const redis = servers.map((info, index): RedisAnswer => {
    const node = nodes[index]!;
    return typeof info === "string" ? { node, error: info } : { node, state: redisStateOf(info) };
  });
  const answers = sentinels.map((named, index): SentinelAnswer => {
    const node = nodes[index]!;
    if (typeof named === "string") return { node, error: named };
    const [number, flags] = typeof named === "number" ? [named, "master"] : named;
    return sentinelNaming(node, nodes[number - 1]!, { flags });
  });
  return viewOf("prod", inventory, redis, answers);
}

describe("the view of a cluster", () => {
  it.each<[string, ReturnType<typeof viewOf>, string | undefined, string[]]>([
    ["healthy", view([master, replica, replica], [1, 1, 1]), "redis-a", []],
    [
      "a minority names another master",
      view([master, replica, replica], [1, 1, 2]),
      "redis-a",
      ["the Sentinel of redis-c names redis-b"],
    ],
    [
      "the named master is down",
      view([refused, { ...replica, master_link_status: "down" }, replica], [1, 1, [1, "s_down,master"]]),
      "redis-a",
      [
        "redis-a does not answer (connection refused)",
        "redis-b has lost its link to the master",
        "the Sentinel of redis-c sees the master as s_down,master",
      ],
    ],
    [
      "an old master is back and a replica still follows it",
      view([master, { ...replica, role: "master" }, replica], [2, 2, 2]),
      "redis-b",
      ["redis-a says that it is a master", "redis-c follows redis-a"],
    ],
    [
      "the named master is a replica",
      view([replica, replica, replica], [1, 1, 1]),
      "redis-a",
      ["redis-a says that it is a replica"],
    ],
    [
      "servers that are busy with their data",
      view(
        [
          master,
          { ...replica, loading: "1" },
          { ...replica, master_link_status: "down", master_sync_in_progress: "1" },
        ],
        [1, 1, 1],
      ),
      "redis-a",
      ["redis-b is loading its data", "redis-c is receiving a full copy"],
    ],
    [
      "no two Sentinels agree",
      view([master, replica, replica], [1, 2, refused]),
      undefined,
      ["redis-a says that it is a master", "the Sentinel of redis-c does not answer (connection refused)"],
    ],
  ])("%s", (_case, seen, named, expected) => {
    expect(seen.master?.name).toBe(named);
    expect(troubles(seen)).toEqual(expected);
  });

  it("is put into one sentence", () => {
    expect(summary(view([master, replica, replica], [1, 1, 1]))).toBe(
      "redis-a is master, 2 replicas follow, 3 Sentinels agree",
    );
    expect(summary(view([master, refused, replica], [1, 1, 1]))).toBe(
      "redis-a is master, and not all is well: redis-b does not answer (connection refused)",
    );
    expect(summary(view([refused, replica, replica], [1, 1, 1]))).toMatch(
      /^redis-a is named as master, but redis-a does not answer/,
    );
    expect(summary(view([master, replica, replica], [1, 2, refused]))).toContain(
      "No quorum of Sentinels names a master (2 of 3 answer); ",
    );
    expect(summary(view([refused, refused, refused], [refused, refused, refused]))).toBe(
      "Nothing runs: no server and no Sentinel answers (connection refused)",
    );
  });

  it("counts lag from the master's side, and never below zero", () => {
    const [a, b] = [redisStateOf(master), redisStateOf(replica)];
    expect(lagBehind(a, b, nodes[1]!)).toEqual({ bytes: 10, seconds: 1 });
    expect(lagBehind(a, { ...b, offset: 120 }, nodes[1]!)).toEqual({ bytes: 0, seconds: 1 });
    expect(lagBehind(a, b, nodes[2]!)).toEqual({ bytes: 10 });
    expect(lagBehind(undefined, b, nodes[1]!)).toEqual({});
    expect(lagBehind(b, a, nodes[0]!)).toEqual({});
  });

  it("names what is no node by its address", () => {
    expect(nameOf({ address: "10.0.0.3", port: 6379 }, nodes)).toBe("redis-c");
    expect(nameOf({ address: "10.0.0.3", port: 6380 }, nodes)).toBe("10.0.0.3:6380");
  });
});

describe("the roles in a view", () => {
  it.each<[string, ReturnType<typeof viewOf>, string, string, string]>([
    ["healthy", view([master, replica, replica], [1, 1, 1]), "redis-a", "redis-b redis-c", ""],
    ["the named master is down", view([refused, replica, replica], [1, 1, 1]), "", "redis-b redis-c", "redis-a"],
    ["a second master", view([master, master, replica], [1, 1, 2]), "redis-a", "redis-c", "redis-b"],
    ["no quorum names a master", view([master, replica, replica], [1, "x", "x"]), "", "redis-b redis-c", "redis-a"],
    [
      "the one that is named is still a replica",
      view([master, replica, replica], [2, 2, 2]),
      "",
      "redis-c",
      "redis-a redis-b",
    ],
    ["nobody answers", view([refused, refused, refused], ["x", "x", "x"]), "", "", "redis-a redis-b redis-c"],
  ])("%s", (_, seen, named, replicas, unknown) => {
    const names = (of: readonly TopologyNode[]): string => of.map(({ name }) => name).join(" ");
    const roles = rolesOf(seen);
    expect([names(roles.master), names(roles.replicas), names(roles.unknown)]).toEqual([named, replicas, unknown]);
  });

  it("no witness has one", () => {
    const witness: TopologyNode = { ...nodes[2]!, kind: "witness", redisPort: undefined };
    const seen = viewOf("prod", { ...inventory, nodes: [nodes[0]!, witness] }, [], []);
    expect(rolesOf(seen)).toEqual({ master: [], replicas: [], unknown: [nodes[0]] });
  });
});
