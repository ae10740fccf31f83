import type { Fault } from "../fault.ts";

export const handOver: Fault = {
  name: "hand-over",
  title: "the master's role is handed over, as redis-ha failover does",
  promise: "every-write",
  inject: ({ site }) => site.handOver(),
};
