// @ts-check
import * as advice from "./advice.mjs";
import { atLeast, nodeVersions } from "./requirements.mjs";
import { isAtLeast } from "./versions.mjs";

/**
 * @typedef {"npm packages" | "redis" | "terragrunt"} Step what set-up does by itself
 * @typedef {{ problems: import("./advice.mjs").Problem[], steps: Step[] }} Plan
 *   `problems`: what only the user can do; as long as there is one, no step is taken
 */

/**
 * What is left to do, and what stands in the way.
 *
 * @param {import("./look.mjs").Facts} facts
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

/** @typedef {import("./look.mjs").Facts} Facts */
/** @typedef {import("./advice.mjs").Problem | Step | undefined} Part undefined: nothing to do */

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function node({ node }) {
  const fits = isAtLeast(node.version, nodeVersions.atLeast) && !isAtLeast(node.version, nodeVersions.below);
  return fits ? undefined : advice.wrongNode(node);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function npm(facts) {
  if (!facts.packagesMisfit) return undefined;
  return facts.npm ? "npm packages" : advice.missingNpm();
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
  return advice.missingRedis(computer, tooOld, offeredRedis);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function terraform({ computer, terraform }) {
  return terraform.found ? undefined : advice.missingTerraform(computer, terraform);
}

/**
 * @param {Facts} facts
 * @returns {Part}
 */
function terragrunt({ computer, terragrunt, go, pinned }) {
  if (terragrunt.found) return undefined;
  return go?.found ? "terragrunt" : advice.missingTerragrunt(computer, terragrunt.rejected, go?.rejected ?? [], pinned);
}
