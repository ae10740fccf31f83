import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { readIfThere } from "../node-folder.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";

/** What a host needs of one kind, brought there as root. Run again, it changes nothing. */
export interface HostRole {
  readonly name: string;
  /**
   * @returns what was changed, in words
   * @throws when the host cannot have it; the message says why and what to do
   */
  readonly ensure: (spec: NodeSpec, warn: (line: string) => void) => string[];
}

/** @returns its standard output. @throws with its last words */
export function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${[command, ...args].join(" ")}: ${stderr?.trim().split("\n").slice(-5).join("\n") || message}`, {
      cause: error,
    });
  }
}

/** Does a command end well? */
export function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Writes a file of root's that everybody may read. @returns whether it was another one before */
export function ensureFile(file: string, text: string, mode = 0o644): boolean {
  if (readIfThere(file) === text) return false;
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
  const temporary = `${file}.redis-ha.tmp`;
  fs.writeFileSync(temporary, text, { mode });
  fs.chmodSync(temporary, mode);
  fs.renameSync(temporary, file);
  return true;
}
