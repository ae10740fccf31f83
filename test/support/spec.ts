import type { NodeSpec } from "../../topology/node-spec.ts";
import type { TopologyNode } from "../../topology/topology.ts";

const order = "abcdefgh";

/** redis-a with the ports 7001 and 27001, redis-b with 7002 and 27002, and so on. */
export function peer(letter: string): TopologyNode {
  const index = order.indexOf(letter) + 1;
  return {
    name: `redis-${letter}`,
    zone: letter,
    kind: "data",
    address: "127.0.0.1",
    redisPort: 7000 + index,
    sentinelPort: 27000 + index,
    promotable: true,
  };
}

/** The spec of one node of a group of three; redis-a is its first master. */
export function specOf(letter: string, changes: Partial<NodeSpec> = {}): NodeSpec {
  return {
    version: 1,
    environment: "test",
    target: "local",
    masterName: "redis-ha-test",
    engine: "redis",
    quorum: 2,
    node: peer(letter),
    peers: ["a", "b", "c"].filter((other) => other !== letter).map(peer),
    seed: "redis-a",
    files: {},
    ...changes,
  };
}
