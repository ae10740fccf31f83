import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HOST_BOOT } from "../topology/host-places.ts";
import { readIfThere, writeAtomically } from "./node-folder.ts";

/** A process that we started: a pid alone may belong to a stranger by now, pid and start time together may not. */
export interface ProcessRecord {
  readonly pid: number;
  /** When the process started, in the system's own notation; only compared for equality. */
  readonly started: string;
}

/** Start times count from the boot, and records survive one: without it a stranger might match after a reboot. */
let boot: string | undefined;
const bootId = (): string =>
  (boot ??= (readIfThere(HOST_BOOT) ?? readIfThere("/proc/sys/kernel/random/boot_id") ?? "").slice(0, 8));

/** When a living process started, or undefined when there is none (a zombie counts as none). */
export function processStart(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") {
    let stat: string;
    try {
      stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
      return undefined;
    }
    // The name in parentheses may itself hold spaces and parentheses; state and start time follow the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : `${bootId()}:${fields[19]}`;
  }
  try {
    // Dates are printed by locale and time zone; the agent and an operator may have different ones.
    const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8", env }).trim();
    return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}

export const isAlive = (record: ProcessRecord): boolean => processStart(record.pid) === record.started;

/**
 * Whether a process that counts as ended has threads that have not: until the last one has, its memory is being freed, and its
 * connections stay open. Only Linux says so.
 */
export function isExiting(pid: number): boolean {
  try {
    return fs.readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** The record of a living process, to be written down. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const started = processStart(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Reads a record back; a file that is missing or was cut short by a crash is no record. */
export function readRecord<T extends ProcessRecord>(file: string): T | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as Partial<T>;
    return typeof record.pid === "number" && typeof record.started === "string" ? (record as T) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Waits until `condition` gives a value.
 * @throws after `timeoutMs`, with what was waited for
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  stepMs = 20,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await delay(stepMs);
  }
}

/**
 * Ends a process that we started: SIGTERM, and SIGKILL when it has not gone after `patienceMs`.
 * Does nothing when it is gone, or when its pid is somebody else's by now.
 */
export async function endProcess(record: ProcessRecord, patienceMs: number): Promise<void> {
  const gone = (): true | undefined => (isAlive(record) ? undefined : true);
  for (const [signal, timeoutMs] of [
    ["SIGTERM", patienceMs],
    ["SIGKILL", 10_000],
  ] as const) {
    if (gone()) return;
    try {
      process.kill(record.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
      throw error;
    }
    try {
      await waitFor(`pid ${record.pid} ends after ${signal}`, gone, timeoutMs);
      return;
    } catch (error) {
      if (signal === "SIGKILL") throw error;
    }
  }
}

/**
 * Takes a lock that is a file with the holder's record: gone with its holder, even when that was killed.
 * @returns how to give it back, or the holder when it is taken
 */
export function takeLock(file: string): { release: () => void } | { holder: ProcessRecord } {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const own = recordOf(process.pid) as ProcessRecord;
  const draft = `${file}.${process.pid}`;
  writeAtomically(draft, JSON.stringify(own));
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      try {
        // A link appears whole and only if there is none yet: nobody ever reads a half-written lock.
        fs.linkSync(draft, file);
        return { release: () => releaseLock(file, own) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = readRecord(file);
      if (holder && isAlive(holder)) return { holder };
      removeStale(file, holder);
    }
    throw new Error(`${file}: could not be taken; remove it when no other apply is running`);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/** Moves a dead holder's lock away; when another taker was quicker, its fresh lock is put back. */
function removeStale(file: string, stale: ProcessRecord | undefined): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = readRecord(aside);
  if (moved && (moved.pid !== stale?.pid || moved.started !== stale.started)) {
    try {
      fs.linkSync(aside, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  fs.rmSync(aside, { force: true });
}

function releaseLock(file: string, own: ProcessRecord): void {
  const holder = readRecord(file);
  if (holder?.pid === own.pid && holder.started === own.started) fs.rmSync(file, { force: true });
}
