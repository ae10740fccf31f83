import { roll } from "../../agent/operations.ts";
import type { Fault } from "../fault.ts";

export const replicaRestart: Fault = {
  name: "replica-restart",
  title: "one replica is restarted, as a changed setting does; the master's writes go on",
  promise: "every-write",
  inject: async (context) => {
    const { inventory, master } = context;
    const replica = inventory.nodes.find(({ name, redisPort }) => redisPort !== undefined && name !== master.name);
    if (!replica) throw new Error(`${context.environment} has no replica`);
    await roll(context, { nodes: [replica.name] });
  },
};
