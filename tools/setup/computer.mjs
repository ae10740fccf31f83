// @ts-check
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";

import { repositoryRoot } from "./places.mjs";
import { versionIn } from "./versions.mjs";

const probeTimeoutMs = 20_000;

/**
 * @typedef {{ platform: string, root: boolean, apt: boolean, systemd: boolean }} Computer
 *   `apt`: Debian or a relative; `systemd`: it runs here, as it does not in most containers
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Computer}
 */
export function describeComputer(env) {
  return {
    platform: process.platform,
    root: process.getuid?.() === 0,
    apt: process.platform === "linux" && onPath("apt-get", env).length > 0 && onPath("dpkg", env).length > 0,
    systemd: existsSync("/run/systemd/system"),
  };
}

/**
 * Every executable of that name on PATH, in PATH's order, each real file once.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} absolute paths, links not resolved
 */
export function onPath(name, env) {
  const seen = new Set();
  const found = [];
  for (const folder of (env.PATH ?? "").split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const candidate = path.join(folder, name);
    if (!isExecutable(candidate)) continue;
    const real = realpathSync(candidate);
    if (seen.has(real)) continue;
    seen.add(real);
    found.push(candidate);
  }
  return found;
}

/**
 * @param {string} file
 * @returns {boolean}
 */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether a program on PATH is a wrapper of this repository, or one that npm linked for some project, and not the
 * program itself.
 *
 * @param {string} file
 * @param {string} repository absolute path of this repository
 * @returns {boolean}
 */
export function isWrapper(file, repository) {
  return (
    path.dirname(file).endsWith(path.join("node_modules", ".bin")) ||
    realpathSync(file).startsWith(realpathSync(repository) + path.sep)
  );
}

/**
 * What a program prints, error output included; null when it cannot be run, fails, or takes longer than 20 s.
 * It runs in the repository, where a version manager's shim answers as it will later.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | null>}
 */
export function answerOf(file, args, env) {
  return new Promise((resolve) => {
    const options = {
      env: quiet(env),
      cwd: repositoryRoot,
      timeout: probeTimeoutMs,
      killSignal: /** @type {const} */ ("SIGKILL"),
    };
    execFile(file, args, options, (error, stdout, stderr) => resolve(error ? null : stdout + stderr));
  });
}

/**
 * The version that a program reports, null when it reports none.
 *
 * @param {import("./versions.mjs").Program} program
 * @param {string} file
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | null>}
 */
export async function versionOf(program, file, env) {
  const printed = await answerOf(file, ["--version"], env);
  return printed === null ? null : versionIn(program, printed);
}

/** @param {NodeJS.ProcessEnv} env */
function quiet(env) {
  return { ...env, LC_ALL: "C", CHECKPOINT_DISABLE: "1" };
}
