// @ts-check
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * @typedef {{ version?: string, integrity?: string, resolved?: string, link?: boolean, optional?: boolean,
 *   os?: string[], cpu?: string[], libc?: string[] }} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages by folder, as npm writes them
 */

/**
 * Why node_modules is not what package-lock.json asks for; null when it is. npm writes its own list of what it
 * installed, node_modules/.package-lock.json, as the last thing, and `npm ci` removes it as the first.
 *
 * @param {string} root the folder of package-lock.json
 * @returns {string | null}
 */
export function packagesMisfit(root) {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  if (!wanted) return "package-lock.json cannot be read";
  if (!existsSync(path.join(root, "node_modules"))) return "node_modules is missing";
  const installed = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  if (!installed) return "an installation did not come to its end";
  return difference(wanted, installed, process) ?? missingFolder(installed, root);
}

/**
 * The first package that differs between the lock file and npm's list of what it installed.
 *
 * @param {LockedPackages} wanted
 * @param {LockedPackages} installed
 * @param {{ platform: string, arch: string }} computer
 * @returns {string | null}
 */
export function difference(wanted, installed, computer) {
  for (const [folder, want] of Object.entries(wanted)) {
    if (folder === "") continue;
    const have = installed[folder];
    if (!have) {
      if (mayBeAbsent(want, computer)) continue;
      return `${folder} is missing`;
    }
    const same = want.version === have.version && want.integrity === have.integrity && want.link === have.link;
    if (!same) return `${folder} is not the version of package-lock.json`;
  }
  const extra = Object.keys(installed).find((folder) => !(folder in wanted));
  return extra ? `${extra} is not in package-lock.json` : null;
}

/**
 * npm leaves an optional package out when it is for another platform, or needed only by one that is. One that is for
 * this platform must be there: esbuild, for one, is nothing but such a package.
 *
 * @param {LockedPackage} want
 * @param {{ platform: string, arch: string }} computer
 */
function mayBeAbsent(want, computer) {
  if (!want.optional) return false;
  if (want.libc || (!want.os && !want.cpu)) return true;
  return !(allows(want.os, computer.platform) && allows(want.cpu, computer.arch));
}

/**
 * @param {string[] | undefined} names as npm writes them: allowed ones, or excluded ones with a "!"
 * @param {string} name
 */
function allows(names, name) {
  if (!names || names.includes("any")) return true;
  if (names.includes(`!${name}`)) return false;
  return names.includes(name) || names.every((it) => it.startsWith("!"));
}

/**
 * @param {LockedPackages} installed
 * @param {string} root
 */
function missingFolder(installed, root) {
  const missing = Object.keys(installed).find((folder) => !existsSync(path.join(root, folder, "package.json")));
  return missing ? `${missing} is missing` : null;
}

/**
 * @param {string} file
 * @returns {LockedPackages | null}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}
