// @ts-check
import { existsSync } from "node:fs";
import path from "node:path";

import { answerOf, describeComputer, isExecutable, isWrapper, onPath, versionOf } from "./computer.mjs";
import { messageFor, missingRedis, missingTerraform } from "./messages.mjs";
import { builtTerragrunt, pinnedGo, pinnedTerragrunt, repositoryRoot } from "./places.mjs";
import { atLeast, isAtLeast, versionIn, wanted } from "./versions.mjs";

/**
 * @typedef {{ path: string, version: string }} Found
 * @typedef {Found & { name: "terraform" | "tofu" }} FoundTerraform
 * @typedef {{ path: string, version: string | null }} Rejected a program that is there but does not serve
 * @typedef {{ found: Found | null, rejected: Rejected[] }} Search
 * @typedef {{ found: FoundTerraform | null, rejected: Rejected[], setBy?: string, conflict?: string }} TerraformSearch
 *   `setBy`: the environment variable that names the binary; `conflict`: why the variables cannot be obeyed
 */

/** The variables by which CDKTF and Terragrunt are told which binary to run. */
const terraformVariables = ["TERRAFORM_BINARY_NAME", "TG_TF_PATH"];

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

/**
 * The one binary for both drivers: the one that the environment names, else terraform on PATH, else tofu.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<TerraformSearch>}
 */
export async function searchTerraform(env) {
  const set = terraformVariables.flatMap((variable) => {
    const value = env[variable];
    return value ? [{ variable, value, file: resolveCommand(value, env) }] : [];
  });
  const [first, second] = set;
  if (first && second && first.file !== second.file) {
    const both = set.map(({ variable, value }) => `${variable}=${value}`).join(" and ");
    return { found: null, rejected: [], conflict: `${both} name different programs: set one, or both to the same` };
  }
  if (first) {
    if (!first.file) return { found: null, rejected: [], setBy: `${first.variable}=${first.value}` };
    const { found, rejected } = await firstThatServes([first.file], env);
    return { found, rejected, setBy: `${first.variable}=${first.value}` };
  }
  return firstThatServes([...onPath("terraform", env), ...onPath("tofu", env)], env);
}

/**
 * A program may be called by another name (TERRAFORM_BINARY_NAME=tofu-1.10), so what it says it is counts.
 *
 * @param {string[]} files
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ found: FoundTerraform | null, rejected: Rejected[] }>}
 */
async function firstThatServes(files, env) {
  const rejected = [];
  for (const file of files) {
    const printed = (await answerOf(file, ["--version"], env)) ?? "";
    const name = versionIn("tofu", printed) ? "tofu" : "terraform";
    const version = versionIn(name, printed);
    if (version && isAtLeast(version, atLeast[name])) return { found: { path: file, name, version }, rejected };
    rejected.push({ path: file, version });
  }
  return { found: null, rejected };
}

/**
 * Terragrunt from PATH, never a wrapper of npm's; else the one that set-up built.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Search>}
 */
export async function searchTerragrunt(env) {
  const onUsersPath = onPath("terragrunt", env).filter((file) => !isWrapper(file, repositoryRoot));
  const search = await firstNewEnough("terragrunt", onUsersPath, atLeast.terragrunt, env);
  if (search.found) return search;
  const built = builtTerragrunt(env);
  if (!isExecutable(built)) return search;
  return { found: { path: built, version: pinnedTerragrunt() }, rejected: search.rejected };
}

/**
 * @param {"redis-server" | "redis-sentinel"} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Search>}
 */
export function searchRedis(name, env) {
  return firstNewEnough("redis", onPath(name, env), atLeast.redis, env);
}

/**
 * Go that can build tools/go.mod: it is new enough, or may fetch a newer Go by itself.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Search>}
 */
export async function searchGo(env) {
  const rejected = [];
  for (const file of onPath("go", env)) {
    // Without GOTOOLCHAIN=local a go.mod in a folder above could make this very question fetch another Go.
    const printed = await answerOf(file, ["version"], { ...env, GOTOOLCHAIN: "local" });
    const version = printed === null ? null : versionIn("go", printed);
    if (version && (isAtLeast(version, pinnedGo()) || (await mayFetch(file, version, env)))) {
      return { found: { path: file, version }, rejected };
    }
    rejected.push({ path: file, version });
  }
  return { found: null, rejected };
}

/**
 * @param {string} go
 * @param {string} version
 * @param {NodeJS.ProcessEnv} env
 */
async function mayFetch(go, version, env) {
  if (!isAtLeast(version, atLeast.goThatFetches)) return false;
  const toolchain = await answerOf(go, ["env", "GOTOOLCHAIN"], { ...env, GOWORK: "off" });
  return toolchain !== null && /auto/.test(toolchain);
}

/**
 * @param {"terragrunt" | "redis"} program
 * @param {string[]} files
 * @param {string} wanted
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Search>}
 */
async function firstNewEnough(program, files, wanted, env) {
  const rejected = [];
  for (const file of files) {
    const version = await versionOf(program, file, env);
    if (version && isAtLeast(version, wanted)) return { found: { path: file, version }, rejected };
    rejected.push({ path: file, version });
  }
  return { found: null, rejected };
}

/**
 * @param {string} command a name to be found on PATH, or a path
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null}
 */
function resolveCommand(command, env) {
  if (!command.includes(path.sep)) return onPath(command, env)[0] ?? null;
  return isExecutable(command) ? path.resolve(command) : null;
}
