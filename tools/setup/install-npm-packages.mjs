// @ts-check
import { createHash } from "node:crypto";
import path from "node:path";

import { withLock } from "./lock.mjs";
import { packagesMisfit } from "./npm-packages.mjs";
import { cacheFolder, repositoryRoot } from "./places.mjs";
import { runStep } from "./run-step.mjs";

/**
 * Makes node_modules what package-lock.json says. No install script of any package is run: none is needed.
 *
 * @param {string} npm
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export async function installNpmPackages(npm, env) {
  const clone = createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 16);
  await withLock(path.join(cacheFolder(env), "locks", `npm-${clone}`), async (alsoOwnedBy) => {
    if (!packagesMisfit(repositoryRoot)) return;
    await runStep({
      title: "Installing npm packages",
      about: "about 1 minute",
      command: npm,
      // Named, because NODE_ENV=production or a user's npm configuration may leave groups out.
      args: ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"],
      cwd: repositoryRoot,
      env,
      onStart: alsoOwnedBy,
    });
    const misfit = packagesMisfit(repositoryRoot);
    if (misfit) throw new Error(`npm ci ended well, but ${misfit}. See \`npm config list\` for what leaves it out.`);
  });
}
