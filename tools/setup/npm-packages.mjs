// @ts-check
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { withLock } from "./lock.mjs";
import { cacheFolder, repositoryRoot } from "./places.mjs";
import { runStep } from "./run-step.mjs";

/**
 * @typedef {{ version?: string, integrity?: string, resolved?: string, link?: boolean, optional?: boolean,
 *   os?: string[], cpu?: string[], libc?: string[] }} LockedPackage
 * @typedef {Record<string, LockedPackage>} LockedPackages by folder, as npm writes them
 */

/** The terminals in which cdktf runs Terraform: the only package here that may have to be compiled. */
const terminalPackage = "@cdktf/node-pty-prebuilt-multiarch";

/**
 * Makes node_modules what package-lock.json says. No package's install script is run, but for cdktf's terminals where
 * they come without a program for this computer: Macs with Intel processors, Node 22 on Linux with ARM processors.
 *
 * @param {string} npm
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export async function installNpmPackages(npm, env) {
  const clone = createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 16);
  await withLock(path.join(cacheFolder(env), "locks", `npm-${clone}`), async (alsoOwnedBy) => {
    const common = { command: npm, cwd: repositoryRoot, onStart: alsoOwnedBy };
    if (lockFileMisfit(repositoryRoot)) {
      await runStep({
        ...common,
        title: "Installing npm packages",
        about: "about 1 minute",
        // Named, because NODE_ENV=production or a user's npm configuration may leave groups out.
        args: ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"],
        env,
      });
    }
    if (terminalMisfit(repositoryRoot)) {
      await runStep({
        ...common,
        title:
          "Compiling cdktf's terminals, which needs Python, make and a C++ compiler (on a Mac: xcode-select --install)",
        about: "about 1 minute",
        args: ["rebuild", "--ignore-scripts=false", terminalPackage],
        // Without this it would first look for a program to download, which nobody has checked.
        env: { ...env, npm_config_build_from_source: "true" },
      });
    }
    const misfit = packagesMisfit(repositoryRoot);
    if (misfit) throw new Error(`npm ended well, but ${misfit}. See \`npm config list\` for what leaves it out.`);
  });
}

/**
 * Why node_modules does not serve here; null when it does.
 *
 * @param {string} root the folder of package-lock.json
 * @returns {string | null}
 */
export function packagesMisfit(root) {
  return lockFileMisfit(root) ?? terminalMisfit(root);
}

/**
 * Why node_modules is not what package-lock.json asks for. npm writes its own list of what it installed,
 * node_modules/.package-lock.json, as the last thing, and `npm ci` removes it as the first.
 *
 * @param {string} root
 */
function lockFileMisfit(root) {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  if (!wanted) return "package-lock.json cannot be read";
  if (!existsSync(path.join(root, "node_modules"))) return "node_modules is missing";
  const installed = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  if (!installed) return "an installation did not come to its end";
  return difference(wanted, installed, process) ?? missingFolder(installed, root);
}

/** @param {string} root */
function terminalMisfit(root) {
  const folder = path.join(root, "node_modules", terminalPackage);
  if (!existsSync(folder)) return null;
  const ready = path.join(folder, "prebuilds", `${process.platform}-${process.arch}`);
  const forThisNode = `node.abi${process.versions.modules}.`;
  if (existsSync(ready) && readdirSync(ready).some((name) => name.startsWith(forThisNode))) return null;
  try {
    createRequire(import.meta.url)(path.join(folder, "build", "Release", "pty.node"));
    return null;
  } catch {
    return `${terminalPackage} is not compiled for ${process.platform}-${process.arch} and this Node`;
  }
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
