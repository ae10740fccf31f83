import { applySpec } from "../../agent/apply.ts";
import { appliedSpec } from "../../agent/node-folder.ts";
import { type Fault, folderOf, processOf, send } from "../fault.ts";

export const powerCycle: Fault = {
  name: "power-cycle",
  title: "kill -9 of every process of every node at once, then all are started again",
  promise: "every-write",
  inject: (context) => {
    const { nodes } = context.inventory;
    context.undo("starts every node", async () => {
      await Promise.all(
        nodes.map(async (node) => {
          const folder = folderOf(context, node);
          const spec = appliedSpec(folder);
          if (spec) await applySpec(spec, folder, context.report);
        }),
      );
    });
    // All are looked up before the first is killed, and the agents go first: none may start what was just killed.
    const all = (["agent", "redis", "sentinel"] as const).flatMap((name) =>
      nodes.flatMap((node) => processOf(context, node, name) ?? []),
    );
    for (const record of all) send("SIGKILL", record);
  },
};
