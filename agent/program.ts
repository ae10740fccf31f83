import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { NodeFolder } from "./node-folder.ts";

let hash: string | undefined;

/** The bundle that this process runs, as a file. */
export const programFile = (): string => fs.realpathSync(process.argv[1] ?? "");

/** Identifies the bundle that this process runs by its content. */
export function programHash(): string {
  hash ??= createHash("sha256").update(fs.readFileSync(programFile())).digest("hex").slice(0, 16);
  return hash;
}

/**
 * Copies the bundle into the node's folder: a process that stays must not run from the synthesized folder,
 * which the next synth changes.
 */
export function installProgram(folder: NodeFolder): string {
  const target = path.join(folder.programs, `redis-ha-${programHash()}.cjs`);
  if (!fs.existsSync(target)) {
    fs.mkdirSync(folder.programs, { recursive: true, mode: 0o700 });
    const temporary = `${target}.${process.pid}.tmp`;
    fs.copyFileSync(programFile(), temporary);
    fs.renameSync(temporary, target);
  }
  return target;
}

/** Removes bundles other than the one that this process runs. */
export function pruneOldPrograms(folder: NodeFolder): void {
  // On a host of its own there is one, which is root's.
  if (!fs.existsSync(folder.programs)) return;
  const current = path.basename(programFile());
  for (const name of fs.readdirSync(folder.programs)) {
    if (name !== current) fs.rmSync(path.join(folder.programs, name), { force: true });
  }
}
