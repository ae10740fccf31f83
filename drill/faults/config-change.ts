import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readIfThere } from "../../agent/node-folder.ts";
import { type NodeSpec, parseNodeSpec } from "../../topology/node-spec.ts";
import { type Fault, type FaultContext } from "../fault.ts";

export const configChange: Fault = {
  name: "config-change",
  title: "a setting that needs a restart is applied node by node (one database more), and then taken back",
  promise: "every-write",
  inject: async (context) => {
    const nodes = context.inventory.nodes.filter(({ redisPort }) => redisPort !== undefined);
    const known = nodes.map(async (node) => {
      const applied = await context.site.applied(node);
      return applied ? [withoutLeftover(applied, synthesizedSpec(context, node.name))] : [];
    });
    const specs = (await Promise.all(known)).flat();
    const changed = specs.map(oneDatabaseMore);
    context.undo("takes the setting back", () => applyAll(context, specs));
    await applyAll(context, changed);
  },
};

/** A spec with one database more: of all that needs a restart, what disturbs least. */
export function oneDatabaseMore(spec: NodeSpec): NodeSpec {
  const text = spec.files["redis.conf"] ?? "";
  const changed = text.replace(/^databases (\d+)$/m, (_, count: string) => `databases ${Number(count) + 1}`);
  if (changed === text) throw new Error(`${spec.node.name}: its redis.conf has no line "databases ..." to change`);
  return { ...spec, files: { ...spec.files, "redis.conf": changed } };
}

/** What a node should be: the synthesized spec where it is what a killed drill of this kind has left, else the applied one. */
export function withoutLeftover(applied: NodeSpec, synthesized: NodeSpec | undefined): NodeSpec {
  return synthesized && isDeepStrictEqual(oneDatabaseMore(synthesized), applied) ? synthesized : applied;
}

function synthesizedSpec({ root, environment }: FaultContext, node: string): NodeSpec | undefined {
  const file = path.join(root, "cdktf.out", "specs", environment, `${node}.json`);
  const json = readIfThere(file);
  return json === undefined ? undefined : parseNodeSpec(json, file);
}

/** In the order of the zones, as both drivers do. */
async function applyAll({ site }: FaultContext, specs: readonly NodeSpec[]): Promise<void> {
  for (const spec of specs) await site.apply(spec);
}
