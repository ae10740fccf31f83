import { describe, expect, it } from "vitest";
import { relocated } from "../../agent/relocate.ts";
import { specOf } from "../support/spec.ts";

const before = specOf("a");
const at = (port: number, sentinelPort: number) => ({ redisPort: port, sentinelPort });
/** The first two have swapped their places. */
const now = {
  ...before,
  node: { ...before.node, ...at(before.peers[0]?.redisPort ?? 0, before.peers[0]?.sentinelPort ?? 0) },
  peers: before.peers.map((peer, index) =>
    index === 0 ? { ...peer, ...at(before.node.redisPort ?? 0, before.node.sentinelPort ?? 0) } : peer,
  ),
};
const [first, second] = [before.node, before.peers[0] as (typeof before.peers)[number]];

describe("addresses in what servers wrote down", () => {
  it.each([
    ["whom a replica follows", "replicaof A R"],
    ["the master", "sentinel monitor group A R 2"],
    ["a replica", "sentinel known-replica group A R"],
    ["a Sentinel", "sentinel known-sentinel group A S id"],
  ])("%s: follows the node, also when two change places", (_, line) => {
    const of = ({ address, redisPort, sentinelPort }: typeof first): string =>
      line.replace("A", address).replace("R", String(redisPort)).replace("S", String(sentinelPort));
    const text = `# kept\n${of(first)}\n${of(second)}\n`;
    expect(relocated(text, before, now)).toBe(`# kept\n${of(second)}\n${of(first)}\n`);
  });

  it("of a stranger: stays", () => {
    expect(relocated("replicaof 10.9.9.9 6379\n", before, now)).toBe("replicaof 10.9.9.9 6379\n");
  });
});
