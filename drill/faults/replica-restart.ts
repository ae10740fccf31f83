import { roll } from "../../agent/operations.ts";
import { aReplica, type Fault } from "../fault.ts";

export const replicaRestart: Fault = {
  name: "replica-restart",
  title: "one replica is restarted, as a changed setting does; the master's writes go on",
  promise: "every-write",
  inject: async (context) => {
    await roll(context, { nodes: [aReplica(context).name] });
  },
};
