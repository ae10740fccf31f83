import { type Fault, runningProcess, untilReplaced } from "../fault.ts";

export const crashWithoutAgent: Fault = {
  name: "crash-without-agent",
  title: "kill -9 of the master's agent and redis-server, so that Sentinel is alone",
  // The replicas get writes a moment after the client has its answer, and Sentinel cannot know what is missing.
  promise: "wait",
  inject: async (context) => {
    const { master, site } = context;
    for (const name of ["agent", "redis"] as const) await runningProcess(context, master, name);
    context.undo(`starts ${master.name} again`, () => site.start(master));
    await site.halt([master], ["agent", "redis"]);
    await untilReplaced(context);
  },
};
