import { describe, expect, it } from "vitest";
import { refuseToSwap, relocated } from "../../agent/relocate.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { peer, specOf } from "../support/spec.ts";

const before = specOf("a");
const [a, b, c] = ["a", "b", "c"].map(peer) as [TopologyNode, TopologyNode, TopologyNode];
const at = (node: TopologyNode, redisPort: number, sentinelPort: number): TopologyNode => ({
  ...node,
  redisPort,
  sentinelPort,
});
const [movedA, movedB] = [at(a, 8001, 28001), at(b, 8002, 28002)];
const now = { ...before, node: movedA, peers: [movedB, c] };

describe("addresses in what servers wrote down", () => {
  it.each([
    ["whom a replica follows", "replicaof A R"],
    ["the master", "sentinel monitor group A R 2"],
    ["a replica", "sentinel known-replica group A R"],
    ["a Sentinel", "sentinel known-sentinel group A S id"],
  ])("%s: follows the node", (_, line) => {
    const of = ({ address, redisPort, sentinelPort }: TopologyNode): string =>
      line.replace("A", address).replace("R", String(redisPort)).replace("S", String(sentinelPort));
    const moved = `# kept\n${of(movedA)}\n${of(movedB)}\n${of(c)}\n`;
    expect(relocated(`# kept\n${of(a)}\n${of(b)}\n${of(c)}\n`, before, now)).toBe(moved);
    // An apply that was killed half-way runs again.
    expect(relocated(moved, before, now)).toBe(moved);
  });

  it("of a stranger: stays", () => {
    expect(relocated("replicaof 10.9.9.9 6379\n", before, now)).toBe("replicaof 10.9.9.9 6379\n");
  });
});

describe("a node that gets another one's address", () => {
  const refused = (...nodes: [TopologyNode, ...TopologyNode[]]) => {
    const [node, ...peers] = nodes;
    return () => refuseToSwap(before, { ...before, node, peers });
  };

  it("is refused: two that change places", () => {
    expect(refused(at(a, 7002, 27002), at(b, 7001, 27001), c)).toThrow(
      "redis-a gets 127.0.0.1:7002, which redis-b has until now. Nothing was touched. Give redis-a an address that no node has",
    );
  });

  it("is refused: one that takes the place that another one leaves", () => {
    expect(refused(at(a, 7002, 28001), movedB, c)).toThrow("redis-a gets 127.0.0.1:7002");
  });

  it("is no question where all addresses are new", () => {
    expect(refused(movedA, movedB, c)).not.toThrow();
  });
});
