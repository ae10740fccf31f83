// @ts-check
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Everything that the synthesized output is made from, relative to the project's folder. */
export const synthSources = [
  "main.ts",
  "cdktf.json",
  "package-lock.json",
  "environments",
  "topology",
  "stacks",
  "templates",
  "agent",
  "aws",
  "cluster",
  "cli",
  "drill",
  "plan",
  "remote",
  "secrets",
  "tools/bundle.ts",
];

/**
 * The first source that has changed after a point in time, or undefined.
 *
 * A folder changes when a file in it is added, renamed or deleted. What counts is when the file system saw the change:
 * the time of last modification can lie in the past, of a file that comes out of an archive.
 *
 * @param {string} project absolute path of the project's folder
 * @param {number} timeMs milliseconds since 1970
 * @returns {string | undefined} path relative to the project's folder
 */
export function changedSince(project, timeMs) {
  const pending = [...synthSources];
  for (let source = pending.pop(); source !== undefined; source = pending.pop()) {
    const stats = lstatSync(join(project, source), { throwIfNoEntry: false });
    if (!stats) continue;
    if (stats.ctimeMs > timeMs) return source;
    if (stats.isDirectory()) for (const name of readdirSync(join(project, source))) pending.push(`${source}/${name}`);
  }
  return undefined;
}
