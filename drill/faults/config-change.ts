import { applySpec } from "../../agent/apply.ts";
import { appliedSpec } from "../../agent/node-folder.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { type Fault, type FaultContext, folderOf } from "../fault.ts";

export const configChange: Fault = {
  name: "config-change",
  title: "a setting that needs a restart is applied node by node (one database more), and then taken back",
  promise: "every-write",
  inject: async (context) => {
    const before = context.inventory.nodes.map((node) => appliedSpec(folderOf(context, node)));
    const specs = before.filter((spec): spec is NodeSpec => spec?.files["redis.conf"] !== undefined);
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

/** In the order of the zones, as both drivers do. */
async function applyAll(context: FaultContext, specs: readonly NodeSpec[]): Promise<void> {
  for (const spec of specs) {
    const done = await applySpec(spec, folderOf(context, spec.node), context.report);
    if (done.length > 0) context.report(`${spec.node.name}: ${done.join(", ")}`);
  }
}
