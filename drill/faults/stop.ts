import { end, type Fault, runningProcess } from "../fault.ts";

export const stop: Fault = {
  name: "stop",
  title: "the master's redis-server is told to end (SIGTERM) by somebody who did not ask the agent",
  promise: "every-write",
  inject: (context) => end(context, "SIGTERM", runningProcess(context, context.master, "redis")),
};
