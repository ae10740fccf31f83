import { mostDataMb } from "../../topology/memory.ts";
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

export const memoryAboveHost: Rule = ({ environment: { target, settings } }) => {
  if (target.kind === "local" || target.hostMemoryMb === undefined) return [];
  const limit = mostDataMb(target.hostMemoryMb);
  return settings.maxMemoryMb <= limit
    ? []
    : [
        {
          path: "settings.maxMemoryMb",
          message: `${settings.maxMemoryMb} MiB is more than 45 % of a host's ${target.hostMemoryMb} MiB (target.hostMemoryMb), and a fork under writes can double it; use ${limit} or less, or larger hosts`,
        },
      ];
};

export const memoryAboveComputer: Rule = ({ environment: { target, settings }, nodes, computerMemoryMb }) => {
  const count = nodes.filter((node) => node.runsRedis).length;
  const limit = mostDataMb(computerMemoryMb);
  const sum = count * settings.maxMemoryMb;
  return target.kind !== "local" || sum <= limit
    ? []
    : [
        {
          path: "settings.maxMemoryMb",
          message: `${count} data nodes with ${settings.maxMemoryMb} MiB each are ${sum} MiB, more than 45 % of this computer's ${Math.floor(computerMemoryMb)} MiB, and a fork under writes can double it; use ${Math.floor(limit / count)} or less`,
        },
      ];
};
