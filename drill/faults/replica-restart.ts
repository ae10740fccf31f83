import { aReplica, type Fault } from "../fault.ts";

export const replicaRestart: Fault = {
  name: "replica-restart",
  title: "one replica is restarted, as a changed setting does; the master's writes go on",
  promise: "every-write",
  inject: (context) => context.site.roll([aReplica(context).name]),
};
