// @ts-check
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import path from "node:path";

/**
 * Every executable of that name on PATH, in PATH's order, each real file once.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} absolute paths, links not resolved
 */
export function onPath(name, env) {
  const seen = new Set();
  const found = [];
  for (const folder of (env.PATH ?? "").split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const candidate = path.join(folder, name);
    if (!isExecutable(candidate)) continue;
    const real = realpathSync(candidate);
    if (seen.has(real)) continue;
    seen.add(real);
    found.push(candidate);
  }
  return found;
}

/**
 * @param {string} file
 * @returns {boolean}
 */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether a program on PATH is a wrapper of this repository, or one that npm linked for some project, and not the
 * program itself.
 *
 * @param {string} file
 * @param {string} repository absolute path of this repository
 * @returns {boolean}
 */
export function isWrapper(file, repository) {
  return (
    path.dirname(file).endsWith(path.join("node_modules", ".bin")) ||
    realpathSync(file).startsWith(realpathSync(repository) + path.sep)
  );
}
