import fs from "node:fs";
import path from "node:path";
import type { NodeSpec } from "../topology/node-spec.ts";
import { appliedSpec, type NodeFolder, readIfThere, retiredSpec, specIn, writeAtomically } from "./node-folder.ts";
import { refuseToSwap, relocate } from "./relocate.ts";
import type { ServerName } from "./server.ts";

/** Which file of the spec a server reads, and where its users stand. */
const fileOf = { redis: "redis.conf", sentinel: "sentinel.conf" } as const satisfies Record<ServerName, string>;
const usersOf = { redis: "users.acl", sentinel: "sentinel-users.acl" } as const satisfies Record<ServerName, string>;

/** Prepares the folders of a node; all of them are the user's own. */
export function createFolders(folder: NodeFolder): void {
  for (const directory of [
    folder.root,
    path.dirname(folder.redisConf),
    path.dirname(folder.secrets),
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
 * from it.
 * @returns what was changed, in words
 * @throws when a node gets the address that another one had; nothing was touched
 */
export function stageFiles(spec: NodeSpec, folder: NodeFolder): string[] {
  const before = appliedSpec(folder) ?? retiredSpec(folder);
  if (before) refuseToSwap(before, spec);
  createFolders(folder);
  const changes: string[] = [];
  const stage = (file: string, text: string | undefined): void => {
    const there = readIfThere(file);
    if (there === text) return;
    if (text === undefined) fs.rmSync(file, { force: true });
    else writeAtomically(file, text);
    changes.push(`${path.basename(file)} ${there === undefined ? "written" : "changed"}`);
  };
  const begun = spec.node.redisPort === undefined ? folder.sentinelState : folder.initialised;
  if (process.env["REDIS_HA_BOOTSTRAP"] && !fs.existsSync(begun)) writeAtomically(folder.bootstrap, "");
  stage(folder.redisConf, spec.files["redis.conf"]);
  stage(folder.sentinelConf, spec.files["sentinel.conf"]);
  if (before) changes.push(...relocate(folder, before, spec));
  stage(folder.spec, serialized(spec));
  fs.rmSync(folder.retired, { force: true });
  return changes;
}

const serialized = (spec: NodeSpec): string => `${JSON.stringify(spec, undefined, 2)}\n`;

/** Notes that the node runs as its spec says: this is what is gone back to, and never something that was only staged. */
export function noteProven(folder: NodeFolder): void {
  const json = readIfThere(folder.spec);
  if (json !== undefined && json !== readIfThere(folder.previous)) writeAtomically(folder.previous, json);
}

/** The spec that the node last ran with, as an apply saw it through to its end. */
export const provenSpec = (folder: NodeFolder): NodeSpec | undefined => specIn(folder.previous);

/**
 * Goes back to the file that this server last ran with, because it does not start with the new one.
 * @returns whether there was one to go back to
 */
export function rollBack(folder: NodeFolder, server: ServerName): boolean {
  const current = appliedSpec(folder);
  if (!current) return false;
  const [name, users] = [fileOf[server], usersOf[server]];
  const proven = provenSpec(folder)?.files;
  const text = proven?.[name];
  if (text === undefined) return false;
  // What was proven before there were users would let everybody in.
  if (current.files[users] !== undefined && proven?.[users] === undefined) return false;
  if (text === current.files[name] && proven?.[users] === current.files[users]) return false;
  writeAtomically(server === "redis" ? folder.redisConf : folder.sentinelConf, text);
  const files = { ...current.files, [name]: text, [users]: proven?.[users] };
  writeAtomically(folder.spec, serialized({ ...current, files }));
  return true;
}
