import type { Fault } from "../fault.ts";

export const roll: Fault = {
  name: "roll",
  title: "every server is restarted, one at a time, as redis-ha roll does",
  promise: "every-write",
  inject: ({ site }) => site.roll(),
};
