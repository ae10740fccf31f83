#!/usr/bin/env node
// @ts-check
// Called by terragrunt/root.hcl while Terragrunt parses: Terragrunt must never work on old output.
// Synthesizes when the output is missing or a source has changed since, and prints nothing on stdout.
// Built-in modules only: it also has to explain that the packages are not installed.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { changedSince } from "./synth-sources.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(project, "cdktf.out");
const stamp = join(output, ".stamp");
const lock = join(output, ".synth.lock");
const failure = join(output, ".synth.failed");
const limitSeconds = 120;

/** A failure that is explained to the user, without a stack trace. */
class Explained extends Error {}

/** @param {string} path */
const read = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

/** Every stack that the manifest names is there: a folder that was deleted by hand does not change the sources. */
function isComplete() {
  const manifest = read(join(output, "manifest.json"));
  if (manifest === undefined) return false;
  try {
    /** @type {{ synthesizedStackPath: string }[]} */
    const stacks = Object.values(JSON.parse(manifest).stacks);
    return stacks.every(({ synthesizedStackPath }) => existsSync(join(output, synthesizedStackPath)));
  } catch {
    return false;
  }
}

function isFresh() {
  const stats = statSync(stamp, { throwIfNoEntry: false });
  return stats !== undefined && changedSince(project, stats.mtimeMs) === undefined && isComplete();
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code;

function tryLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes the lock of a process that was killed. Renamed first, so that two who see it cannot remove a newer one.
 *
 * @param {number} pid
 */
function breakLockOf(pid) {
  const mine = `${lock}.${process.pid}`;
  try {
    renameSync(lock, mine);
    if (Number(read(mine)) !== pid) linkSync(mine, lock);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EEXIST") throw error;
  }
  rmSync(mine, { force: true });
}

/**
 * Terragrunt parses units side by side, so several of us start at once: one synthesizes, the others wait for it.
 *
 * @param {() => void} action
 */
function whileLocked(action) {
  const deadline = Date.now() + 2 * limitSeconds * 1000;
  mkdirSync(output, { recursive: true });
  while (!tryLock()) {
    const holder = Number(read(lock));
    if (holder > 0 && !isAlive(holder)) breakLockOf(holder);
    else if (Date.now() > deadline)
      throw new Explained(
        `process ${holder || "(unknown)"} has been synthesizing for more than ${2 * limitSeconds} s.\n` +
          `End it if it hangs, then remove ${lock}. Nothing has been applied.`,
      );
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
  try {
    action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function synthesize() {
  if (isFresh()) return;
  const earlier = failureOfThisRun();
  if (earlier !== undefined) throw new Explained(earlier);
  try {
    synthesizeNow();
    rmSync(failure, { force: true });
  } catch (error) {
    if (error instanceof Explained)
      writeFileSync(failure, JSON.stringify({ parent: process.ppid, why: error.message }));
    throw error;
  }
}

/** Terragrunt goes on and asks again for every unit: what has failed a moment ago is not tried once more for it. */
function failureOfThisRun() {
  const stats = statSync(failure, { throwIfNoEntry: false });
  if (!stats || Date.now() - stats.mtimeMs > 10_000) return undefined;
  /** @type {{ parent: number, why: string }} */
  const { parent, why } = JSON.parse(read(failure) ?? "{}");
  return parent === process.ppid ? why : undefined;
}

function synthesizeNow() {
  const tsx = join(project, "node_modules", ".bin", "tsx");
  if (!existsSync(tsx))
    throw new Explained(
      `the npm packages are not installed, so the environments cannot be synthesized.\n` +
        `Run \`npm ci\` in ${project}, then the same command again. Nothing has been applied.`,
    );

  // What is edited from here on must count as newer than the output.
  const start = new Date();
  const { status, signal, error, stdout, stderr } = spawnSync(tsx, ["main.ts"], {
    cwd: project,
    encoding: "utf8",
    // A variable that is undefined is not passed on: the output belongs where Terragrunt looks for it.
    env: { ...process.env, CHECKPOINT_DISABLE: "1", CDKTF_OUTDIR: undefined },
    timeout: limitSeconds * 1000,
  });
  if (error || status !== 0) {
    const said = `${stdout ?? ""}${stderr ?? ""}`.trim();
    const why = said || error?.message || (signal ? `ended by ${signal}` : `exit status ${status}`);
    throw new Explained(`the environments could not be synthesized. Nothing has been applied.\n${why}`);
  }
  if (!isComplete())
    throw new Explained(
      `main.ts ended well, but ${output} is not complete. Try \`npm run synth\`. Nothing has been applied.`,
    );
  if (!existsSync(stamp)) writeFileSync(stamp, "");
  utimesSync(stamp, start, start);
}

try {
  if (!isFresh()) whileLocked(synthesize);
} catch (error) {
  console.error(error instanceof Explained ? error.message : error);
  process.exitCode = 1;
}
