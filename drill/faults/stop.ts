import { end, type Fault, runningProcess } from "../fault.ts";

export const stop: Fault = {
  name: "stop",
  title: "the master's redis-server is told to end (SIGTERM) by somebody who did not ask the agent",
  promise: "every-write",
  inject: async (context) => end(context, "SIGTERM", await runningProcess(context, context.master, "redis")),
};
