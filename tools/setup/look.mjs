// @ts-check
import { existsSync } from "node:fs";

import { describeComputer, offeredRedis } from "./computer.mjs";
import { searchGo, searchRedis, searchTerraform, searchTerragrunt } from "./find.mjs";
import { packagesMisfit } from "./npm-packages.mjs";
import { pinnedGo, pinnedTerragrunt, redisInstallMark, repositoryRoot } from "./places.mjs";
import { onPath } from "./search-path.mjs";

/**
 * @typedef {object} Facts what set-up knows about this computer before it decides anything
 * @property {import("./computer.mjs").Computer} computer
 * @property {import("./find.mjs").Found} node
 * @property {string | null} npm
 * @property {string | null} packagesMisfit why node_modules does not fit the lock file
 * @property {import("./find.mjs").Search} redisServer
 * @property {import("./find.mjs").Search} redisSentinel
 * @property {string | null} offeredRedis version in the distribution's lists; null when unknown or not asked
 * @property {boolean} redisUnderWay an installation of Redis by set-up was killed
 * @property {import("./find.mjs").TerraformSearch} terraform
 * @property {import("./find.mjs").Search} terragrunt
 * @property {import("./find.mjs").Search | null} go null when Terragrunt is there, so that Go is not needed
 * @property {{ terragrunt: string, go: string }} pinned
 */

/**
 * Looks at everything that set-up cares for, and changes nothing.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Facts>}
 */
export async function look(env) {
  const computer = describeComputer(env);
  const [redisServer, redisSentinel, terraform, terragrunt] = await Promise.all([
    searchRedis("redis-server", env),
    searchRedis("redis-sentinel", env),
    searchTerraform(env),
    searchTerragrunt(env),
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
    go: terragrunt.found ? null : await searchGo(env),
    pinned: { terragrunt: pinnedTerragrunt(), go: pinnedGo() },
  };
}
