// @ts-check
import { readdirSync } from "node:fs";
import path from "node:path";

import { answerOf } from "./computer.mjs";
import { isAtLeast, upstreamOf } from "./versions.mjs";

/** Distribution packages on Debian and its relatives; each carries a service of its own. */
export const redisPackages = ["redis-server", "redis-sentinel"];

/**
 * The Redis version that the distribution offers, going by the package lists that are here now.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | null>} null when the lists know none, as in a fresh container image
 */
export async function offeredRedis(env) {
  return candidateIn((await answerOf("apt-cache", ["policy", ...redisPackages], env)) ?? "");
}

/**
 * @param {string} policy what `apt-cache policy` printed for both packages
 * @returns {string | null} the older one's upstream version; null when one of them is not offered
 */
export function candidateIn(policy) {
  const candidates = [...policy.matchAll(/^ {2}Candidate: (\S+)$/gm)].map((match) => match[1] ?? "(none)");
  if (candidates.length < redisPackages.length || candidates.includes("(none)")) return null;
  const versions = candidates.map(upstreamOf);
  return versions.find((it) => versions.every((other) => isAtLeast(other, it))) ?? null;
}

/**
 * What dpkg says about each of the Redis packages: "installed", a word for half-way ("unpacked", "half-configured"),
 * or "not-installed".
 *
 * @param {string} status the text of dpkg's status file
 * @returns {Map<string, string>}
 */
export function redisPackageStates(status) {
  const entries = status.split("\n\n");
  return new Map(
    redisPackages.map((name) => {
      const entry = entries.find((it) => it.trimStart().startsWith(`Package: ${name}\n`));
      return [name, /^Status: \S+ \S+ (\S+)$/m.exec(entry ?? "")?.[1] ?? "not-installed"];
    }),
  );
}

/**
 * The links by which systemd or a System V init would start one of these services at boot.
 *
 * @param {string} systemRoot "/" but in tests
 * @param {string[]} services
 * @returns {string[]} paths of links
 */
export function enabledServices(systemRoot, services) {
  const units = path.join(systemRoot, "etc/systemd/system");
  const wants = namesIn(units).flatMap((name) => (name.endsWith(".wants") ? linksIn(path.join(units, name)) : []));
  const runLevels = [2, 3, 4, 5].flatMap((level) => linksIn(path.join(systemRoot, `etc/rc${level}.d`)));
  return [...wants, ...runLevels].filter((link) =>
    services.some(
      (it) => path.basename(link) === `${it}.service` || new RegExp(`^S\\d+${it}$`).test(path.basename(link)),
    ),
  );
}

/** @param {string} folder */
function linksIn(folder) {
  return namesIn(folder).map((name) => path.join(folder, name));
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
