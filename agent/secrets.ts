import fs from "node:fs";
import path from "node:path";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";

/**
 * Writes a node's share of the secrets where its service user, and root, can read it. What is there already stays untouched.
 * @returns what was changed, in words
 */
export function stageSecrets(folder: NodeFolder, secrets: NodeSecrets): string[] {
  fs.mkdirSync(path.dirname(folder.secrets), { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(secrets, undefined, 2)}\n`;
  const there = readIfThere(folder.secrets);
  if (there === text) return [];
  writeAtomically(folder.secrets, text);
  return [`secrets ${there === undefined ? "written" : "changed"}`];
}
