// @ts-check
import { execFile } from "node:child_process";

import { repositoryRoot } from "./places.mjs";
import { versionIn } from "./versions.mjs";

const probeTimeoutMs = 20_000;

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
