// @ts-check
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import path from "node:path";

import { searchGo, searchTerragrunt } from "./binaries.mjs";
import { describeComputer, versionOf } from "./computer.mjs";
import { withLock } from "./lock.mjs";
import { messageFor, missingTerragrunt } from "./messages.mjs";
import { builtTerragrunt, cacheFolder, pinnedGo, pinnedTerragrunt, repositoryRoot } from "./places.mjs";
import { runStep } from "./run-step.mjs";

const module = "github.com/gruntwork-io/terragrunt";
const workPrefix = ".build-";

/**
 * The real Terragrunt, built now if there is none.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<import("./binaries.mjs").Found>}
 * @throws {Error} when there is no Go to build it with either, or the build fails; the message says what to do
 * @throws {import("./run-step.mjs").Interrupted} when a signal ended the build
 */
export async function ensureTerragrunt(env = process.env) {
  const { found, rejected } = await searchTerragrunt(env);
  if (found) return found;
  const go = await searchGo(env);
  const pinned = { terragrunt: pinnedTerragrunt(), go: pinnedGo() };
  if (!go.found) {
    throw new Error(messageFor([missingTerragrunt(describeComputer(env), rejected, go.rejected, pinned)]));
  }
  await buildTerragrunt(go.found.path, env);
  return { path: builtTerragrunt(env), version: pinned.terragrunt };
}

/**
 * Builds the pinned Terragrunt into the cache folder. It appears there only when it is complete, and what a killed
 * build left is removed by the next one; Go's own cache keeps what was compiled.
 *
 * @param {string} go
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<void>}
 */
export async function buildTerragrunt(go, env) {
  const target = builtTerragrunt(env);
  const folder = path.dirname(target);
  const version = pinnedTerragrunt();
  await withLock(path.join(cacheFolder(env), "locks", `terragrunt-${version}`), async (alsoOwnedBy) => {
    if (existsSync(target)) return;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.startsWith(workPrefix)) removeFolder(path.join(folder, name));
    const work = mkdtempSync(path.join(folder, workPrefix));
    try {
      const built = path.join(work, "terragrunt");
      await runStep({
        title: `Building Terragrunt ${version} with Go, as none is on PATH`,
        about: "about 5 minutes on 2 cores",
        command: go,
        args: buildArguments(version, built),
        cwd: path.join(repositoryRoot, "tools"),
        env: buildEnvironment(env, work),
        onStart: alsoOwnedBy,
      });
      const reported = await versionOf("terragrunt", built, env);
      if (reported !== version) throw new Error(`the Terragrunt just built reports ${reported}, not ${version}`);
      flush(built);
      renameSync(built, target);
    } finally {
      removeFolder(work);
    }
  });
}

/**
 * @param {string} version
 * @param {string} output
 */
function buildArguments(version, output) {
  // -mod and -buildvcs also keep a user's GOFLAGS from changing this build.
  const flags = ["-mod=readonly", "-buildvcs=false", "-trimpath"];
  const linker = `-s -w -X ${module}/internal/version.Version=v${version}`;
  return ["build", ...flags, "-ldflags", linker, "-o", output, module];
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} work
 * @returns {NodeJS.ProcessEnv}
 */
function buildEnvironment(env, work) {
  /** @type {NodeJS.ProcessEnv} */
  const result = { ...env, GOWORK: "off", CGO_ENABLED: "0", GOTMPDIR: work };
  // The binary runs here, whatever the user builds for otherwise.
  delete result.GOOS;
  delete result.GOARCH;
  return result;
}

/** @param {string} folder */
function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** @param {string} file */
function flush(file) {
  const descriptor = openSync(file, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
