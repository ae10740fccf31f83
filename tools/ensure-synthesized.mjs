#!/usr/bin/env node
// @ts-check
// Called by terragrunt/root.hcl while Terragrunt parses: Terragrunt must never work on old output.
// Synthesizes when the output is missing or a source has changed since, and prints nothing on stdout.
// No lock: several synths at once do no harm, each moves in only what differs.
// Built-in modules only: it also has to explain that the packages are not installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { changedSince } from "./synth-sources.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(project, "cdktf.out");

/** Every stack that the manifest names is there: a folder that was deleted by hand does not change the sources. */
function isComplete() {
  try {
    /** @type {{ stacks: Record<string, { synthesizedStackPath: string }> }} */
    const { stacks } = JSON.parse(readFileSync(join(output, "manifest.json"), "utf8"));
    return Object.values(stacks).every((stack) => existsSync(join(output, stack.synthesizedStackPath)));
  } catch {
    return false;
  }
}

function isFresh() {
  const stamp = statSync(join(output, ".stamp"), { throwIfNoEntry: false });
  return stamp !== undefined && changedSince(project, stamp.mtimeMs) === undefined && isComplete();
}

/** @returns {string | undefined} why it did not work, for the user */
function synthesize() {
  const tsx = join(project, "node_modules", ".bin", "tsx");
  if (!existsSync(tsx))
    return `the npm packages are not installed.\nRun \`npm ci\` in ${project}, then the same command again.`;

  const { status, signal, error, stdout, stderr } = spawnSync(tsx, ["main.ts"], {
    cwd: project,
    encoding: "utf8",
    // A variable that is undefined is not passed on: the output belongs where Terragrunt looks for it.
    env: { ...process.env, CHECKPOINT_DISABLE: "1", CDKTF_OUTDIR: undefined },
    timeout: 120_000,
  });
  if (status === 0) return undefined;
  return error?.message ?? (`${stdout}${stderr}`.trim() || `main.ts ended with ${signal ?? status}`);
}

if (!isFresh()) {
  const why = synthesize();
  if (why !== undefined) {
    console.error(`the environments could not be synthesized. Nothing has been applied.\n${why}`);
    process.exitCode = 1;
  }
}
