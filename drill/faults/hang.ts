import { type Fault, runningProcess, until, untilReplaced } from "../fault.ts";

/** Time for the node's agent to end a server that hangs when another one is master; it looks every second. */
const FREED_MS = 5000;

export const hang: Fault = {
  name: "hang",
  title: "the master's redis-server stands still (SIGSTOP) until another node is master, and goes on then",
  // What the master had answered, and had not sent to a replica yet, stays with it.
  promise: "wait",
  inject: async (context) => {
    const { master } = context;
    const its = await runningProcess(context, master, "redis");
    context.undo(`makes sure that ${master.name} goes on`, () => its.send("SIGCONT"));
    await its.send("SIGSTOP");
    await untilReplaced(context);
    await until(
      context,
      `the agent of ${master.name} ends the server that hangs`,
      async () => !(await its.alive()) || undefined,
      FREED_MS,
    ).catch(() => context.signal.throwIfAborted());
  },
};
