import fs from "node:fs";
import path from "node:path";
import { type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { appliedSpec, type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { readRecord } from "./processes.ts";
import { configHash, type ServerName, type ServerRecord } from "./server.ts";

/** Which file of the spec a server reads. */
export const fileOf = { redis: "redis.conf", sentinel: "sentinel.conf" } as const satisfies Record<ServerName, string>;

/** Prepares the folders of a node; all of them are the user's own. */
export function createFolders(folder: NodeFolder): void {
  for (const directory of [
    folder.root,
    path.dirname(folder.redisConf),
    folder.redisData,
    folder.sentinelData,
    folder.logs,
    folder.run,
    folder.programs,
  ]) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
}

/**
 * Writes a spec and its files, each atomically, the spec last: only when the files are there may an agent start servers
 * from it. The spec that the servers last ran with is kept beside it.
 * @returns what was changed, in words
 */
export function stageFiles(spec: NodeSpec, folder: NodeFolder): string[] {
  createFolders(folder);
  keepPrevious(spec, folder);
  const changes: string[] = [];
  const stage = (file: string, text: string | undefined): void => {
    const before = readIfThere(file);
    if (before === text) return;
    if (text === undefined) fs.rmSync(file, { force: true });
    else writeAtomically(file, text);
    changes.push(`${path.basename(file)} ${before === undefined ? "written" : "changed"}`);
  };
  stage(folder.redisConf, spec.files["redis.conf"]);
  stage(folder.sentinelConf, spec.files["sentinel.conf"]);
  stage(folder.spec, serialized(spec));
  fs.rmSync(folder.retired, { force: true });
  return changes;
}

const serialized = (spec: NodeSpec): string => `${JSON.stringify(spec, undefined, 2)}\n`;

/** Only what a server has started with is worth going back to: an apply that was killed may have staged more since. */
function keepPrevious(spec: NodeSpec, folder: NodeFolder): void {
  const before = appliedSpec(folder);
  if (!before || serialized(before) === serialized(spec)) return;
  const proven = (["redis", "sentinel"] as const).every((server) => {
    const record = readRecord<ServerRecord>(path.join(folder.run, `${server}.json`));
    const text = before.files[fileOf[server]];
    return record === undefined || text === undefined || record.config === configHash(text);
  });
  if (proven) writeAtomically(folder.previous, serialized(before));
}

/**
 * Goes back to the file that this server last ran with, because it does not start with the new one.
 * @returns whether there was one to go back to
 */
export function rollBack(folder: NodeFolder, server: ServerName): boolean {
  const json = readIfThere(folder.previous);
  const current = appliedSpec(folder);
  if (json === undefined || !current) return false;
  const name = fileOf[server];
  const text = parseNodeSpec(json, folder.previous).files[name];
  if (text === undefined || text === current.files[name]) return false;
  writeAtomically(server === "redis" ? folder.redisConf : folder.sentinelConf, text);
  writeAtomically(folder.spec, serialized({ ...current, files: { ...current.files, [name]: text } }));
  return true;
}
