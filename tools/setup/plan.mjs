// @ts-check
import { existsSync } from "node:fs";

import { searchGo, searchRedis, searchTerraform, searchTerragrunt } from "./binaries.mjs";
import { describeComputer, onPath } from "./computer.mjs";
import { offeredRedis } from "./debian.mjs";
import * as messages from "./messages.mjs";
import { packagesMisfit } from "./npm-packages.mjs";
import { nodeRange, pinnedGo, pinnedTerragrunt, redisInstallMark, repositoryRoot } from "./places.mjs";
import { atLeast, isAtLeast, isNodeIn } from "./versions.mjs";

/**
 * @typedef {object} Facts what set-up knows about this computer before it decides anything
 * @property {import("./computer.mjs").Computer} computer
 * @property {import("./binaries.mjs").Found} node
 * @property {string | null} npm
 * @property {string | null} packagesMisfit why node_modules does not fit the lock file
 * @property {import("./binaries.mjs").Search} redisServer
 * @property {import("./binaries.mjs").Search} redisSentinel
 * @property {string | null} offeredRedis version in the distribution's lists; null when unknown or not asked
 * @property {boolean} redisUnderWay an installation of Redis by set-up was killed
 * @property {import("./binaries.mjs").TerraformSearch} terraform
 * @property {import("./binaries.mjs").Search | null} terragrunt null when it is left out
 * @property {import("./binaries.mjs").Search | null} go null when Go is not needed: Terragrunt is there or left out
 * @property {{ node: string, terragrunt: string, go: string }} pinned what package.json and tools/go.mod ask for
 */

/**
 * @typedef {"npm packages" | "redis" | "terragrunt"} Step what set-up does by itself
 * @typedef {{ problems: import("./messages.mjs").Problem[], steps: Step[] }} Plan
 *   `problems`: what only the user can do; as long as there is one, no step is taken
 */

/**
 * Looks at everything that set-up cares for, and changes nothing.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ withTerragrunt: boolean }} options
 * @returns {Promise<Facts>}
 */
export async function look(env, { withTerragrunt }) {
  const computer = describeComputer(env);
  const [redisServer, redisSentinel, terraform, terragrunt] = await Promise.all([
    searchRedis("redis-server", env),
    searchRedis("redis-sentinel", env),
    searchTerraform(env),
    withTerragrunt ? searchTerragrunt(env) : null,
  ]);
  const redisIsHere = redisServer.found && redisSentinel.found;
  return {
    computer,
    node: { path: process.execPath, version: process.versions.node },
    npm: onPath("npm", env)[0] ?? null,
    packagesMisfit: packagesMisfit(repositoryRoot),
    redisServer,
    redisSentinel,
    offeredRedis: !redisIsHere && computer.apt ? await offeredRedis(env) : null,
    redisUnderWay: computer.root && existsSync(redisInstallMark(env)),
    terraform,
    terragrunt,
    go: terragrunt && !terragrunt.found ? await searchGo(env) : null,
    pinned: { node: nodeRange(), terragrunt: pinnedTerragrunt(), go: pinnedGo() },
  };
}

/**
 * What is left to do, and what stands in the way.
 *
 * @param {Facts} facts
 * @returns {Plan}
 */
export function decide(facts) {
  // The quick ones first: what they find out late should not cost the user the wait for the others.
  const parts = [node(facts), redis(facts), npm(facts), terraform(facts), terragrunt(facts)];
  return {
    problems: parts.flatMap((part) => (typeof part === "object" ? [part] : [])),
    steps: parts.flatMap((part) => (typeof part === "string" ? [part] : [])),
  };
}

/** @typedef {import("./messages.mjs").Problem | Step | undefined} Part undefined: nothing to do */

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function node({ node, pinned }) {
  return isNodeIn(node.version, pinned.node) ? undefined : messages.wrongNode(node, pinned.node);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function npm(facts) {
  if (!facts.packagesMisfit) return undefined;
  return facts.npm ? "npm packages" : messages.missingNpm();
}

/**
 * Set-up installs Redis only where there is none: it replaces nothing that the user runs.
 *
 * @param {Facts} facts
 * @returns {Part}
 */
function redis(facts) {
  const { computer, offeredRedis, redisServer, redisSentinel, redisUnderWay } = facts;
  if (redisUnderWay) return "redis";
  if (redisServer.found && redisSentinel.found) return undefined;
  const tooOld = [redisServer, redisSentinel].flatMap((it) => (it.found ? [] : it.rejected));
  const offersEnough = offeredRedis === null || isAtLeast(offeredRedis, atLeast.redis);
  if (computer.apt && computer.root && offersEnough && tooOld.length === 0) return "redis";
  return messages.missingRedis(computer, tooOld, offeredRedis);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function terraform({ computer, terraform }) {
  return terraform.found ? undefined : messages.missingTerraform(computer, terraform);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function terragrunt({ computer, terragrunt, go, pinned }) {
  if (!terragrunt || terragrunt.found) return undefined;
  return go?.found
    ? "terragrunt"
    : messages.missingTerragrunt(computer, terragrunt.rejected, go?.rejected ?? [], pinned);
}
