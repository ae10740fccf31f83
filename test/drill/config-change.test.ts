import { expect, it } from "vitest";
import { oneDatabaseMore, withoutLeftover } from "../../drill/faults/config-change.ts";
import { local } from "../../environments/local.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { specsOf } from "../../topology/render.ts";

const [synthesized] = specsOf(parseEnvironment(local)) as [NodeSpec];
const withConf = (from: string, to: string, spec = synthesized): NodeSpec => ({
  ...spec,
  files: { ...spec.files, "redis.conf": (spec.files["redis.conf"] ?? "").replace(from, to) },
});

it("changes one line of redis.conf, and nothing else", () => {
  expect(oneDatabaseMore(synthesized)).toEqual(withConf("\ndatabases 16\n", "\ndatabases 17\n"));
  expect(() => oneDatabaseMore(withConf("\ndatabases 16\n", "\n"))).toThrow(
    'redis-a: its redis.conf has no line "databases',
  );
});

it.each<[string, NodeSpec, NodeSpec | undefined, NodeSpec]>([
  ["what is applied", synthesized, synthesized, synthesized],
  ["what is synthesized, after a drill that was killed", oneDatabaseMore(synthesized), synthesized, synthesized],
  [
    "what is applied, when a change of one's own is pending",
    synthesized,
    withConf("maxmemory ", "maxmemory 1"),
    synthesized,
  ],
  [
    "what is applied, when nothing is synthesized",
    oneDatabaseMore(synthesized),
    undefined,
    oneDatabaseMore(synthesized),
  ],
])("goes back to %s", (_, applied, meant, expected) => {
  expect(withoutLeftover(applied, meant)).toEqual(expected);
});
