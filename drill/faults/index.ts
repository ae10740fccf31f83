import type { Fault } from "../fault.ts";
import { configChange } from "./config-change.ts";
import { crashReplicaHangs } from "./crash-replica-hangs.ts";
import { crashWithoutAgent } from "./crash-without-agent.ts";
import { crash } from "./crash.ts";
import { doubleCrash } from "./double-crash.ts";
import { handOver } from "./hand-over.ts";
import { hang } from "./hang.ts";
import { partitionFault } from "./partition-fault.ts";
import { powerCycle } from "./power-cycle.ts";
import { replicaRestart } from "./replica-restart.ts";
import { roll } from "./roll.ts";
import { stop } from "./stop.ts";

/** Every fault, from the mildest to the worst. */
export const faults: readonly Fault[] = [
  replicaRestart,
  handOver,
  roll,
  configChange,
  stop,
  crash,
  crashReplicaHangs,
  crashWithoutAgent,
  doubleCrash,
  hang,
  powerCycle,
  partitionFault,
];
