// @ts-check
import { existsSync } from "node:fs";

import { messageFor, missingRedis, missingTerraform } from "./advice.mjs";
import { describeComputer } from "./computer.mjs";
import { searchRedis, searchTerraform, searchTerragrunt } from "./find.mjs";
import { wanted } from "./requirements.mjs";

/**
 * @typedef {import("./find.mjs").Found} Found
 * @typedef {import("./find.mjs").FoundTerraform} FoundTerraform
 */

/**
 * The one Terraform or OpenTofu that both drivers run.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<FoundTerraform>}
 * @throws {Error} when there is none that serves; the message says where to get it
 */
export async function findTerraform(env = process.env) {
  const search = await searchTerraform(env);
  if (search.found) return search.found;
  throw new Error(messageFor([missingTerraform(describeComputer(env), search)]));
}

/**
 * The real Terragrunt: from PATH, else the one that set-up built; never a wrapper of npm's.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Found>}
 * @throws {Error} when there is none that serves
 */
export async function findTerragrunt(env = process.env) {
  const { found } = await searchTerragrunt(env);
  if (found) return found;
  throw new Error(`${wanted.terragrunt}: not here yet. Run: node tools/setup.mjs`);
}

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ server: Found, sentinel: Found }>}
 * @throws {Error} when one of them is missing or too old; the message says how to get it
 */
export async function findRedis(env = process.env) {
  const [server, sentinel] = await Promise.all([searchRedis("redis-server", env), searchRedis("redis-sentinel", env)]);
  if (server.found && sentinel.found) return { server: server.found, sentinel: sentinel.found };
  const tooOld = [server, sentinel].flatMap((it) => (it.found ? [] : it.rejected));
  throw new Error(messageFor([missingRedis(describeComputer(env), tooOld, null)]));
}

/**
 * The environment for every child process that runs cdktf, terraform or terragrunt.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<NodeJS.ProcessEnv>} a copy
 * @throws {Error} as `findTerraform`
 */
export async function toolEnvironment(env = process.env) {
  const { path } = await findTerraform(env);
  /** @type {NodeJS.ProcessEnv} */
  const result = { ...env, CHECKPOINT_DISABLE: "1", TERRAFORM_BINARY_NAME: path, TG_TF_PATH: path };
  // Terraform warns at every call about a missing file, and cdktf prints each warning as an error.
  if (result.TF_CLI_CONFIG_FILE && !existsSync(result.TF_CLI_CONFIG_FILE)) delete result.TF_CLI_CONFIG_FILE;
  return result;
}
