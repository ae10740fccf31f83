import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { localPair } from "../../environments/local-pair.ts";
import { local } from "../../environments/local.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { majority, topologyOf } from "../../topology/topology.ts";

const topology = (input: EnvironmentInput) => topologyOf(parseEnvironment(input, { computerMemoryMb: 16_384 }));

/** Five zones on hosts: three voters with data, a reporting replica and a replica without a vote; one zone emptied. */
const large = (): EnvironmentInput => ({
  name: "prod",
  project: "shop",
  engine: "valkey",
  target: { kind: "ssh", user: "admin", knownHostsFile: "known_hosts" },
  zones: {
    e: { nodes: [{ name: "report-e", address: "10.0.5.10", runs: ["redis"], promotable: false }] },
    d: { nodes: [{ name: "redis-d", address: "10.0.4.10", runs: ["redis"], port: 6380 }] },
    gone: { nodes: [] },
    c: { nodes: [{ name: "redis-c", address: "10.0.3.10", sentinelPort: 26380 }] },
    b: { nodes: [{ name: "redis-b", address: "10.0.2.10" }] },
    a: { nodes: [{ name: "witness-a", address: "10.0.1.10", runs: ["sentinel"] }] },
  },
  settings: { maxMemoryMb: 1024 },
});

describe("topology of local", () => {
  it("is a master and two replicas, each with a Sentinel", () => {
    const node = (zone: string, redisPort: number, sentinelPort: number) => ({
      name: `redis-${zone}`,
      zone,
      kind: "data",
      address: "127.0.0.1",
      redisPort,
      sentinelPort,
      promotable: true,
    });
    const nodes = [node("a", 6401, 26401), node("b", 6402, 26402), node("c", 6403, 26403)];
    expect(topology(local)).toStrictEqual({
      environment: "local",
      masterName: "redis-ha-local",
      engine: "redis",
      zones: nodes.map((entry) => ({ name: entry.zone, nodes: [entry] })),
      nodes,
      seed: "redis-a",
      quorum: 2,
      minReplicasToWrite: 1,
    });
  });
});

describe("topology of local-pair", () => {
  it("is a master, a replica and a witness, and writes go on without the replica", () => {
    const data = { kind: "data", address: "127.0.0.1", promotable: true };
    const nodes = [
      { ...data, name: "redis-a", zone: "a", redisPort: 6411, sentinelPort: 26411 },
      { ...data, name: "redis-b", zone: "b", redisPort: 6412, sentinelPort: 26412 },
      { name: "witness-c", zone: "c", kind: "witness", address: "127.0.0.1", sentinelPort: 26413, promotable: false },
    ];
    expect(topology(localPair)).toStrictEqual({
      environment: "local-pair",
      masterName: "redis-ha-local-pair",
      engine: "redis",
      zones: nodes.map((entry) => ({ name: entry.zone, nodes: [entry] })),
      nodes,
      seed: "redis-a",
      quorum: 2,
      minReplicasToWrite: 0,
    });
  });
});

describe("topology of six zones on hosts", () => {
  it("keeps the order of the zones, the emptied one too", () => {
    expect(topology(large()).zones.map(({ name, nodes }) => [name, nodes.map((node) => node.name)])).toEqual([
      ["e", ["report-e"]],
      ["d", ["redis-d"]],
      ["gone", []],
      ["c", ["redis-c"]],
      ["b", ["redis-b"]],
      ["a", ["witness-a"]],
    ]);
  });

  it("gives each server its default port, and none where it does not run", () => {
    const data = { kind: "data", promotable: true };
    expect(topology(large()).nodes).toStrictEqual([
      { name: "report-e", zone: "e", kind: "data", address: "10.0.5.10", redisPort: 6379, promotable: false },
      { ...data, name: "redis-d", zone: "d", address: "10.0.4.10", redisPort: 6380 },
      { ...data, name: "redis-c", zone: "c", address: "10.0.3.10", redisPort: 6379, sentinelPort: 26380 },
      { ...data, name: "redis-b", zone: "b", address: "10.0.2.10", redisPort: 6379, sentinelPort: 26379 },
      { name: "witness-a", zone: "a", kind: "witness", address: "10.0.1.10", sentinelPort: 26379, promotable: false },
    ]);
  });

  it("seeds at the first node that may be master, and names the master after project and environment", () => {
    expect(topology(large())).toMatchObject({ seed: "redis-d", masterName: "shop-prod", engine: "valkey" });
  });

  it("counts the Sentinels, not the nodes, for the quorum", () => {
    expect(topology(large()).quorum).toBe(2);
    const five = large();
    delete five.zones["e"]?.nodes[0]?.runs;
    delete five.zones["d"]?.nodes[0]?.runs;
    expect(topology(five).quorum).toBe(3);
  });

  it("takes quorum and minReplicasToWrite from the settings when they are there, 0 too", () => {
    const input = large();
    Object.assign(input.settings, { quorum: 3, minReplicasToWrite: 0 });
    expect(topology(input)).toMatchObject({ quorum: 3, minReplicasToWrite: 0 });
    expect(topology(large()).minReplicasToWrite).toBe(1);
  });
});

describe("topologyOf", () => {
  it("is pure: the same each time, and the environment is left alone", () => {
    const environment = parseEnvironment(large());
    const before = structuredClone(environment);
    expect(topologyOf(environment)).toStrictEqual(topologyOf(environment));
    expect(environment).toStrictEqual(before);
  });
});

describe("majority", () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])("of %i is %i", (count, expected) => {
    expect(majority(count)).toBe(expected);
  });
});
