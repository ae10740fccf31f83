import { roll as rollAll } from "../../agent/operations.ts";
import type { Fault } from "../fault.ts";

export const roll: Fault = {
  name: "roll",
  title: "every server is restarted, one at a time, as redis-ha roll does",
  promise: "every-write",
  inject: async (context) => {
    await rollAll(context, {});
  },
};
