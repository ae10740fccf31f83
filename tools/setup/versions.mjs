// @ts-check

/** First version of each program that is accepted. */
export const atLeast = {
  redis: "7.0.0",
  terraform: "1.11.0",
  tofu: "1.10.0",
  terragrunt: "1.1.2",
  /** The first Go that fetches the newer Go a module asks for by itself. */
  goThatFetches: "1.21.0",
};

/** The same in the words of messages. */
export const wanted = {
  redis: "redis-server and redis-sentinel >= 7.0",
  terraform: "Terraform >= 1.11 or OpenTofu >= 1.10",
  terragrunt: "Terragrunt >= 1.1.2",
};

/** @typedef {"terraform" | "tofu" | "terragrunt" | "redis" | "go"} Program */

/** How each program names its version, in the first lines of what it prints. */
const patterns = {
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

/**
 * Whether a version of Node lies in one of the ranges of package.json's `engines`.
 *
 * @param {string} version
 * @param {string} ranges as "^20.19.0 || ^22.12.0"
 * @returns {boolean}
 * @throws {Error} when the ranges have another form
 */
export function isNodeIn(version, ranges) {
  return firstsOf(ranges).some((first) => majorOf(version) === majorOf(first) && isAtLeast(version, first));
}

/**
 * The same ranges in the words of messages: "Node 20 (>= 20.19.0) or 22 (>= 22.12.0)".
 *
 * @param {string} ranges
 * @returns {string}
 */
export function nodeInWords(ranges) {
  return `Node ${firstsOf(ranges)
    .map((first) => `${majorOf(first)} (>= ${first})`)
    .join(" or ")}`;
}

/** @param {string} ranges */
function firstsOf(ranges) {
  return ranges.split("||").map((range) => {
    const first = /^\^(\d+\.\d+\.\d+)$/.exec(range.trim())?.[1];
    if (!first) throw new Error(`package.json: engines.node: "${ranges}" is not like "^20.19.0 || ^22.12.0"`);
    return first;
  });
}

/** @param {string} version */
function majorOf(version) {
  return numbersOf(version)[0];
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
