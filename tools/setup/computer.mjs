// @ts-check
import { existsSync } from "node:fs";

import { answerOf } from "./probe.mjs";
import { redisPackages } from "./requirements.mjs";
import { onPath } from "./search-path.mjs";
import { isAtLeast, upstreamOf } from "./versions.mjs";

/**
 * @typedef {{ platform: string, arch: string, root: boolean, apt: boolean, systemd: boolean }} Computer
 *   `apt`: Debian or a relative; `systemd`: it runs here, as it does not in most containers
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Computer}
 */
export function describeComputer(env) {
  return {
    platform: process.platform,
    arch: process.arch,
    root: process.getuid?.() === 0,
    apt: process.platform === "linux" && onPath("apt-get", env).length > 0 && onPath("dpkg", env).length > 0,
    systemd: existsSync("/run/systemd/system"),
  };
}

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
