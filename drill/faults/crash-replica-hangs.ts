import { actingMaster, aReplica, end, type Fault, runningProcess, until } from "../fault.ts";

/** A small data set is loaded within a second. */
const BACK_MS = 10_000;

export const crashReplicaHangs: Fault = {
  name: "crash-replica-hangs",
  title: "kill -9 of the master's redis-server while a replica stands still: nobody knows what that one has",
  promise: "every-write",
  inject: async (context) => {
    const replica = aReplica(context);
    const [its, masters] = await Promise.all([
      runningProcess(context, replica, "redis"),
      runningProcess(context, context.master, "redis"),
    ]);
    context.undo(`lets ${replica.name} go on`, () => its.send("SIGCONT"));
    await its.send("SIGSTOP");
    await end(context, "SIGKILL", masters);
    await until(context, "a master takes writes again", () => actingMaster(context), BACK_MS);
  },
};
