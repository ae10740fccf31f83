// @ts-check
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { say } from "./run-step.mjs";

/**
 * @typedef {{ pid: number, started: string | null }} ProcessMark a process, told from a later one with the same pid
 * @typedef {{ owners: ProcessMark[] }} LockFile set-up itself and the command it runs
 */

const pollMs = 500;
const silentMs = 2000;
/** A file that its writer completes at once, and that is still not as it should be after this time, has no writer. */
const abandonedMs = 10_000;

/**
 * Runs `work` while no other set-up of this user does the same work. A lock whose owners have all died is taken over,
 * and so is one that a power cut left unreadable; a command that outlives a killed set-up is an owner too.
 *
 * @template T
 * @param {string} file the lock file; its folder is created
 * @param {(alsoOwnedBy: (pid: number) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const self = markOf(process.pid);
  const start = Date.now();
  for (let told = false; !take(file, { owners: [self] }); await sleep(pollMs)) {
    const holder = read(file)?.owners.find(isAlive);
    if (told || !(holder || Date.now() - start > silentMs)) continue;
    say(`Waiting for another set-up${holder ? `, process ${holder.pid}` : ""} (its lock: ${file}) …`);
    told = true;
  }
  try {
    return await work((pid) => replace(file, { owners: [self, markOf(pid)] }));
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * @param {string} file
 * @param {LockFile} content
 * @returns {boolean} whether the lock is ours now
 */
function take(file, content) {
  if (createWhole(file, content)) return true;
  const holder = read(file);
  if (!holder || holder.owners.some(isAlive)) return false;
  // Only one may take over at a time, or the second would take the lock from the first.
  const gate = `${file}.taking-over`;
  if (!createWhole(gate, content)) {
    if (isAbandoned(gate)) rmSync(gate, { force: true });
    return false;
  }
  try {
    const stillDead = read(file)?.owners.every((owner) => !isAlive(owner)) ?? false;
    if (stillDead) replace(file, content);
    return stillDead;
  } finally {
    rmSync(gate, { force: true });
  }
}

/**
 * Creates a file with all its content at once, so that nobody reads half of it.
 *
 * @param {string} file
 * @param {LockFile} content
 * @returns {boolean} false when it exists
 */
function createWhole(file, content) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(content));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * @param {string} file
 * @param {LockFile} content
 */
function replace(file, content) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(content));
  renameSync(own, file);
}

/**
 * @param {string} file
 * @returns {LockFile | null} null when it has just gone, or when it is not known yet whether it is abandoned
 */
function read(file) {
  try {
    const content = JSON.parse(readFileSync(file, "utf8"));
    if (Array.isArray(content?.owners)) return content;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "ENOENT") return null;
    if (code) throw error;
  }
  return isAbandoned(file) ? { owners: [] } : null;
}

/** @param {string} file */
function isAbandoned(file) {
  const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  // After a power cut the clock may be behind, so that the file seems to come from the future.
  return changed !== undefined && Math.abs(Date.now() - changed) > abandonedMs;
}

/**
 * @param {number} pid
 * @returns {ProcessMark}
 */
function markOf(pid) {
  return { pid, started: startOf(pid) };
}

/** @param {ProcessMark} mark */
function isAlive(mark) {
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
  return startOf(mark.pid) === mark.started;
}

/**
 * When a process started, in the kernel's ticks; null where /proc is missing, as on macOS, or the process has ended.
 *
 * @param {number} pid
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
