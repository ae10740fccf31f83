// @ts-check
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json, without a slash at its end. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/**
 * Where this project keeps what can be built again, outside the repository: shared by all clones of one user.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function cacheFolder(env) {
  // The XDG rules say that a relative path there is to be ignored.
  const base = env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined;
  return path.join(base ?? path.join(env.HOME || homedir(), ".cache"), "cdktf-redis-ha");
}

/**
 * The versions of Node that package.json accepts, as "^20.19.0 || ^22.12.0".
 *
 * @returns {string}
 */
export function nodeRange() {
  return JSON.parse(readFileSync(path.join(repositoryRoot, "package.json"), "utf8")).engines.node;
}

/**
 * The Terragrunt version that tools/go.mod pins, without a leading "v".
 *
 * @returns {string}
 */
export function pinnedTerragrunt() {
  return fromGoMod(/^\s*(?:require\s+)?github\.com\/gruntwork-io\/terragrunt v(\S+)/m);
}

/**
 * The Go version that tools/go.mod asks for.
 *
 * @returns {string}
 */
export function pinnedGo() {
  return fromGoMod(/^go (\S+)/m);
}

/** @param {RegExp} line */
function fromGoMod(line) {
  const version = line.exec(readFileSync(path.join(repositoryRoot, "tools", "go.mod"), "utf8"))?.[1];
  if (!version) throw new Error(`tools/go.mod: no line like ${line}`);
  return version;
}

/**
 * Where set-up puts the Terragrunt that it builds. The file appears only when it is complete.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function builtTerragrunt(env) {
  return path.join(cacheFolder(env), "terragrunt", pinnedTerragrunt(), "terragrunt");
}

/**
 * A file that stands while the installation of Redis is under way, so that the next run notices one that was killed.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function redisInstallMark(env) {
  return path.join(cacheFolder(env), "redis-packages-under-way");
}
