import { end, type Fault, runningProcess } from "../fault.ts";

export const crash: Fault = {
  name: "crash",
  title: "kill -9 of the master's redis-server",
  promise: "every-write",
  inject: async (context) => end(context, "SIGKILL", await runningProcess(context, context.master, "redis")),
};
