import { describe, expect, it } from "vitest";
import { movedSpec } from "../../drill/moved-spec.ts";
import { localPair } from "../../environments/local-pair.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { parseConfigFile, parseSentinelFile } from "../../topology/config-file.ts";
import { allNodes, type NodeSpec } from "../../topology/node-spec.ts";
import { specsOf } from "../../topology/render.ts";

const addresses: Record<string, string> = { "redis-a": "10.0.0.1", "redis-b": "10.0.0.2", "witness-c": "10.0.0.3" };
const addressOf = (node: string): string => addresses[node] ?? "";
const specs = specsOf(parseEnvironment(localPair));

describe("a spec moved to other addresses", () => {
  it("names no old address any more", () => {
    for (const spec of specs) {
      const moved = movedSpec(spec, addressOf);
      const text = JSON.stringify({ ...moved, files: { ...moved.files } }).replaceAll(" 127.0.0.1", "");
      expect(text).not.toContain("127.0.0.1");
      expect(
        allNodes(moved)
          .map(({ name, address }) => [name, address])
          .sort(),
      ).toEqual(Object.entries(addresses));
    }
  });

  it("listens at its address and on loopback, for everyone in the lab", () => {
    const moved = movedSpec(specs[1] as NodeSpec, addressOf);
    const redis = parseConfigFile(moved.files["redis.conf"] ?? "");
    const { server, globals } = parseSentinelFile(moved.files["sentinel.conf"] ?? "");
    for (const file of [redis, server]) {
      expect(file.get("bind")).toBe("10.0.0.2 127.0.0.1");
    }
    expect(redis.get("replica-announce-ip")).toBe("10.0.0.2");
    expect(globals.get("announce-ip")).toBe("10.0.0.2");
  });

  it("changes nothing else in the files", () => {
    const [before = ""] = specs.map(({ files }) => files["redis.conf"]);
    const after = movedSpec(specs[0] as NodeSpec, addressOf).files["redis.conf"] ?? "";
    const changed = before.split("\n").filter((line, index) => line !== after.split("\n")[index]);
    expect(changed.map((line) => line.split(" ")[0])).toEqual(["bind", "replica-announce-ip"]);
  });

  it("is refused when a file does not say where the node listens", () => {
    const spec = { ...(specs[0] as NodeSpec), files: { "redis.conf": "port 1\n" } };
    expect(() => movedSpec(spec, addressOf)).toThrow('no line "bind ..."');
  });
});
