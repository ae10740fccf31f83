// @ts-check

/** @typedef {"node" | "terraform" | "tofu" | "terragrunt" | "redis" | "go"} Program */

/** How each program names its version, in the first lines of what it prints. */
const patterns = {
  node: /^v(\d\S*)/,
  terraform: /^Terraform v(\d\S*)/m,
  tofu: /^OpenTofu v(\d\S*)/m,
  terragrunt: /^terragrunt version v?(\d\S*)/m,
  redis: /\bserver v=(\d\S*)/i,
  go: /\bgo(\d\S*)/,
};

/**
 * The version in what a program printed, without a leading "v".
 *
 * @param {Program} program
 * @param {string} printed
 * @returns {string | null} null when there is none, as in a Terragrunt built without a version ("latest")
 */
export function versionIn(program, printed) {
  return patterns[program].exec(printed)?.[1] ?? null;
}

/**
 * Whether a version is the wanted one or a later one. A pre-release ("1.11.0-rc1", "1.26rc1") comes before its release.
 *
 * @param {string} version
 * @param {string} wanted a release, as "1.11.0"
 * @returns {boolean}
 */
export function isAtLeast(version, wanted) {
  const numbers = numbersOf(version);
  const limits = numbersOf(wanted);
  for (let i = 0; i < 3; i++) {
    const difference = (numbers[i] ?? 0) - (limits[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return !isPreRelease(version);
}

/** @param {string} version */
function numbersOf(version) {
  const found = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(version);
  return found ? found.slice(1).map((part) => Number(part ?? 0)) : [];
}

/** @param {string} version */
function isPreRelease(version) {
  return /^\d+(\.\d+){0,2}-?(alpha|beta|rc|dev)/.test(version);
}

/**
 * The upstream part of a Debian package version: "5:7.0.15-1~deb12u10" is Redis 7.0.15.
 *
 * @param {string} version
 * @returns {string}
 */
export function upstreamOf(version) {
  return version.replace(/^\d+:/, "").replace(/[-+~].*$/, "");
}
