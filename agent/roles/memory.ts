import os from "node:os";
import { memoryForDataMb, mostDataMb } from "../../topology/memory.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { readIfThere } from "../node-folder.ts";

const mib = 1024 * 1024;
/** What the host's control group may use in all: of version 2, and of version 1. On a machine of its own there is no limit. */
const LIMITS = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** Is there memory for the data, and for what a fork copies? Only looks. @throws when there is not */
export function refuseTooSmallHost(spec: NodeSpec): void {
  const objection = tooMuchData(spec, hostMemoryMb(os.totalmem(), LIMITS.map(readIfThere)));
  if (objection !== undefined) throw new Error(objection);
}

/**
 * The smaller of what the host has and what its control group may use, in whole MiB.
 * @param limits texts of the control group's limits in bytes: `max`, or a number above all memory, is none
 */
export function hostMemoryMb(totalBytes: number, limits: readonly (string | undefined)[]): number {
  const numbers = limits.map((text) => Number.parseInt(text ?? "", 10)).filter((bytes) => bytes > 0);
  return Math.floor(Math.min(totalBytes, ...numbers) / mib);
}

/** Why the host cannot hold the data of the node's redis.conf; undefined when it can, or when the node has none. */
export function tooMuchData({ node, environment, files }: NodeSpec, memoryMb: number): string | undefined {
  const bytes = /^maxmemory (\d+)$/m.exec(files["redis.conf"] ?? "")?.[1];
  const dataMb = Math.ceil(Number(bytes ?? 0) / mib);
  const most = mostDataMb(memoryMb);
  if (dataMb <= most) return undefined;
  return (
    `${node.name}: maxmemory ${dataMb} MiB needs ${memoryForDataMb(dataMb)} MiB of memory, as a fork under writes can double it; ` +
    `the host has ${memoryMb} MiB. The node was not touched. In environments/${environment}.ts, set settings.maxMemoryMb to ${most} or less, ` +
    `or take a larger host; with target.hostMemoryMb ${memoryMb} the synth finds it`
  );
}
