import { actingMaster, end, type Fault, runningProcess, until } from "../fault.ts";

/** A replica that takes over needs some 0.1 s, a restart in place 1.5 s, and Sentinel 3.5 s. */
const NEXT_MASTER_MS = 15_000;

export const doubleCrash: Fault = {
  name: "double-crash",
  title: "kill -9 of the master's redis-server, and of the next master's as soon as there is one",
  promise: "every-write",
  inject: async (context) => {
    const first = await runningProcess(context, context.master, "redis");
    await end(context, "SIGKILL", first);
    const second = await until(
      context,
      "there is a master again",
      async () => {
        const master = await actingMaster(context);
        return master && context.site.process(master, "redis");
      },
      NEXT_MASTER_MS,
    );
    await end(context, "SIGKILL", second);
  },
};
