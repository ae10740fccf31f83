import { applySpec } from "../../agent/apply.ts";
import { appliedSpec } from "../../agent/node-folder.ts";
import { type Fault, folderOf, runningProcess, send, untilReplaced } from "../fault.ts";

export const crashWithoutAgent: Fault = {
  name: "crash-without-agent",
  title: "kill -9 of the master's agent and redis-server, so that Sentinel is alone",
  // The replicas get writes a moment after the client has its answer, and Sentinel cannot know what is missing.
  promise: "wait",
  inject: async (context) => {
    const { master } = context;
    const folder = folderOf(context, master);
    const [agent, redis] = (["agent", "redis"] as const).map((name) => runningProcess(context, master, name));
    context.undo(`starts ${master.name} again`, async () => {
      const spec = appliedSpec(folder);
      if (spec) await applySpec(spec, folder, context.report);
    });
    for (const each of [agent, redis]) if (each) send("SIGKILL", each);
    await untilReplaced(context);
  },
};
