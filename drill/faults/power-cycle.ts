import type { Fault } from "../fault.ts";

export const powerCycle: Fault = {
  name: "power-cycle",
  title: "kill -9 of every process of every node at once, then all are started again",
  promise: "every-write",
  inject: async ({ inventory: { nodes }, site, undo }) => {
    undo("starts every node", async () => void (await Promise.all(nodes.map((node) => site.start(node)))));
    await site.halt(nodes, ["agent", "redis", "sentinel"]);
  },
};
