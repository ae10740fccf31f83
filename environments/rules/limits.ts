import { mostDataMb } from "../../topology/memory.ts";
import { hostMemoryMb, maxMemoryMb } from "../memory.ts";
import type { Environment } from "../environment.ts";
import type { Rule } from "./rule.ts";

/** Numbers that a single field's type cannot check. */

/** The figures are measured, one cluster on one computer; at 2000 ms 38 runs had none. */
export const downAfterTooShort: Rule = ({ environment: { settings } }) =>
  settings.downAfterMs >= 1000
    ? []
    : [
        {
          path: "settings.downAfterMs",
          message: `${settings.downAfterMs} ms is too short: already at 1000 ms, 2 of 28 crashes of the master led to a second, needless failover, one of which lost 2185 acknowledged writes; use 2000, or at least 1000`,
        },
      ];

export const missingMaxMemory: Rule = ({ environment }) => {
  if (maxMemoryMb(environment) !== undefined) return [];
  const { target } = environment;
  const other =
    target.kind === "local"
      ? ""
      : target.kind === "aws"
        ? `, or target.hostMemoryMb: the memory of ${target.instanceType} is not known here`
        : ", or target.hostMemoryMb";
  return [{ path: "settings.maxMemoryMb", message: `missing; give a whole number of MiB${other}` }];
};

/** What has to be left for data, in MiB, beside the backlog; an empty server takes a few. */
const LEAST_DATA_MB = 32;

/** Seen with 50 and 64 MiB: an empty cluster refused writes (OOM) after 50 MB had been written to the same few keys. */
export const backlogTakesMemory: Rule = ({ environment }) => {
  const { settings } = environment;
  const least = settings.replBacklogMb + LEAST_DATA_MB;
  const most = maxMemoryMb(environment) ?? 0;
  return most >= least
    ? []
    : [
        {
          path: "settings.maxMemoryMb",
          message: `${most} MiB is too little: redis counts what it keeps for replicas (settings.replBacklogMb, ${settings.replBacklogMb} MiB) as used memory, and would soon refuse writes; use ${least} or more`,
        },
      ];
};

const memorySource = ({ target }: Environment): string =>
  target.kind === "aws" && target.hostMemoryMb === undefined
    ? `what the kernel leaves on a ${target.instanceType}`
    : "target.hostMemoryMb";

export const memoryAboveHost: Rule = ({ environment }) => {
  const { settings } = environment;
  const memoryMb = hostMemoryMb(environment);
  if (memoryMb === undefined || settings.maxMemoryMb === undefined) return [];
  const limit = mostDataMb(memoryMb);
  return settings.maxMemoryMb <= limit
    ? []
    : [
        {
          path: "settings.maxMemoryMb",
          message: `${settings.maxMemoryMb} MiB is more than 45 % of a host's ${memoryMb} MiB (${memorySource(environment)}), and a fork under writes can double it; use ${limit} or less, or larger hosts`,
        },
      ];
};

export const memoryAboveComputer: Rule = ({ environment: { target, settings }, nodes, computerMemoryMb }) => {
  const count = nodes.filter((node) => node.runsRedis).length;
  const limit = mostDataMb(computerMemoryMb);
  const each = settings.maxMemoryMb ?? 0;
  const sum = count * each;
  return target.kind !== "local" || sum <= limit
    ? []
    : [
        {
          path: "settings.maxMemoryMb",
          message: `${count} data nodes with ${each} MiB each are ${sum} MiB, more than 45 % of this computer's ${Math.floor(computerMemoryMb)} MiB, and a fork under writes can double it; use ${Math.floor(limit / count)} or less`,
        },
      ];
};
