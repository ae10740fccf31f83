import fs from "node:fs";

/** Memory of one process, in bytes. */
export interface Memory {
  /** Everything that is resident, shared pages included in full. */
  readonly rss: number;
  /** The same with every shared page divided among the processes that share it. */
  readonly pss: number;
}

/** Ticks of the kernel's clock a second as it shows them to programs: the same on every Linux. */
const TICKS_PER_SECOND = 100;

/** Only Linux says how much memory is shared, and how much processor time a foreign process took. */
export const usageIsKnown = process.platform === "linux";

/**
 * The most that was ever resident at once since the process started, in bytes. A kernel that takes idle pages back
 * lowers RSS, but not this.
 * @throws when the process is gone
 */
export const peakMemoryOf = (pid: number): number => kibibytes(fs.readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM");

/** @throws when the process is gone or belongs to somebody else */
export const memoryOf = (pid: number): Memory => parseSmapsRollup(fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));

/**
 * Processor time that all threads of a process have used since it started, in seconds.
 * @throws when the process is gone
 */
export const cpuSecondsOf = (pid: number): number => parseCpuSeconds(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));

/** @throws when a field is missing */
export const parseSmapsRollup = (text: string): Memory => ({
  rss: kibibytes(text, "Rss"),
  pss: kibibytes(text, "Pss"),
});

/** A field of one of the kernel's lists, in bytes. */
function kibibytes(text: string, field: string): number {
  const value = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`no ${field} in:\n${text}`);
  return Number(value) * 1024;
}

/** @throws when the text is not that of /proc/<pid>/stat */
export function parseCpuSeconds(stat: string): number {
  // The name in parentheses may itself hold spaces and parentheses; the numbered fields follow the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`not the stat of a process: ${stat}`);
  return ticks / TICKS_PER_SECOND;
}
