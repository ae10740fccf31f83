#!/usr/bin/env node
// @ts-check
// The command `redis-ha` of this checkout: runs the bundle that the synth made and, when a source has changed since,
// one of its own. No packages and no child process on the usual way: this is part of every call's time.
import { spawnSync } from "node:child_process";
import { existsSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { changedSince } from "../tools/synth-sources.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const synthesized = join(project, "cdktf.out", "redis-ha.cjs");
const own = join(project, "dist", "redis-ha.cjs");

/** @param {string} file the time of its last change in ms; undefined when there is none */
const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs;

/** @param {number | undefined} time */
const isFresh = (time) => time !== undefined && changedSince(project, time) === undefined;

function program() {
  // The synth leaves a file alone whose content is the same; its stamp says when it last looked.
  if (existsSync(synthesized) && isFresh(changed(join(project, "cdktf.out", ".stamp")))) return synthesized;
  if (!isFresh(changed(own))) build();
  return own;
}

function build() {
  const bundler = pathToFileURL(join(project, "tools", "bundle.ts")).href;
  const script = `(await import(${JSON.stringify(bundler)})).buildBundle(process.argv[1])`;
  // Renamed when it is whole: another call may be reading the old one.
  const unfinished = `${own}.${process.pid}`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script, unfinished];
  const built = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  if (built.status !== 0) {
    process.stderr.write(`${built.stderr}\nredis-ha: the program could not be built; npm ci, then again\n`);
    process.exit(2);
  }
  renameSync(unfinished, own);
}

const file = program();
// The program looks here for itself, to install itself on nodes.
process.argv[1] = file;
createRequire(import.meta.url)(file);
