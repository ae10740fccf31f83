import { type NodeNames, namesOf } from "../../secrets/certificates.ts";
import type { TopologyNode } from "../../topology/topology.ts";

export const node = (letter: string, address = "127.0.0.1"): TopologyNode => ({
  name: `redis-${letter}`,
  zone: letter,
  kind: "data",
  address,
  redisPort: 6379,
  sentinelPort: 26379,
  promotable: true,
});

export const names: NodeNames = namesOf(node("a", "10.0.0.7"));
