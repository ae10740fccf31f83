#!/usr/bin/env node
// @ts-check
// Called by terragrunt/terragrunt.hcl, which Terragrunt reads when it works from above the environments, and when it
// looks upwards for dependents of a unit. Fails when the command would reach every environment; in doubt it refuses.
import { readdirSync, realpathSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(realpathSync(dirname(dirname(fileURLToPath(import.meta.url)))), "terragrunt");
const [command = "", cache = ""] = process.argv.slice(2);

/** These look at the files of this project only. (`find`, `list` and `dag graph` do without this file.) */
const harmless = ["print", "render", "validate"];

/**
 * How deep below the folder of all environments a path is: 1 an environment, 2 a unit; 0 for every path elsewhere.
 *
 * @param {string} path
 */
function depth(path) {
  try {
    const parts = relative(folder, realpathSync(path)).split(sep);
    return parts[0] === "" || parts[0] === ".." ? 0 : parts.length;
  } catch {
    return 0;
  }
}

/** Inside an environment Terragrunt has only looked up here. Its cache lies in the folder that it works from. */
const worksInside = depth(/^(.+)\/\.terragrunt-cache\//.exec(cache)?.[1] ?? "") > 0;

/**
 * `destroy --destroy-dependencies-check` looks for dependents as if it worked from above; only the shell says where it
 * was started. An error here would not stop it: it would find no dependents, and destroy without asking.
 */
const checksDependents =
  command === "destroy" && depth(process.env.PWD ?? "") === 2 && process.env.TG_WORKING_DIR === undefined;

if (!harmless.includes(command) && !worksInside && !checksDependents) {
  const environments = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name);
  console.error(
    [
      `From this folder \`terragrunt ${command}\` would reach every environment (${environments.join(", ")}). Nothing has been done.`,
      ...environments.map((name) => `  cd terragrunt/${name}   and run it there for ${name} alone`),
      "  --filter './<environment>/**'   in the folder terragrunt, for one environment as well",
      "  --feature all_environments=true   if you mean all of them",
    ].join("\n"),
  );
  process.exitCode = 1;
}
