import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import type { NodeFolder } from "../../agent/node-folder.ts";
import type { KnownSecrets } from "./known-secrets.ts";

/** The files of a node that have secrets in them: what its servers read of them, and where they write down what they run with. */
export const secretFilesOf = ({ secrets, runtimeConf, sentinelState }: NodeFolder): string[] => [
  ...["secrets.json", "node.key", "redis.conf", "sentinel.conf"].map((name) => path.join(path.dirname(secrets), name)),
  runtimeConf,
  sentinelState,
];

/** What finds patterns, one a line of its input, in all files below folders. What has no end is no file. */
export const grepFor = (...folders: string[]): string[] => [
  ...["grep", "--recursive", "--only-matching", "--text", "--fixed-strings", "--null", "--devices=skip", "--file=-"],
  ...folders,
];

/**
 * Reads what `grepFor` says.
 * @param allowed files that may have secrets in them
 * @returns `<file>: <secret>`
 */
export function leaksIn(said: string, secrets: KnownSecrets, allowed: readonly string[] = []): string[] {
  const found = said.split("\n").flatMap((line) => {
    const [file = "", value = ""] = line.split("\0");
    return file === "" || allowed.includes(file) ? [] : [`${file}: ${secrets.nameOf(value)}`];
  });
  return [...new Set(found)];
}

/** The files below a folder of this computer that have a secret in them. @param options.hashes those of passwords count, too */
export async function leaksBelow(
  folder: string,
  secrets: KnownSecrets,
  { hashes = false, allowed = [] as readonly string[] } = {},
): Promise<string[]> {
  const [program, ...args] = grepFor(folder) as [string, ...string[]];
  const input = secrets.patterns(hashes);
  const { exitCode, stdout, stderr } = await execa(program, args, { input, reject: false, maxBuffer: 1e9 });
  const faults = stderr.split("\n").filter((line) => line !== "" && !line.includes("No such file"));
  if ((exitCode ?? 2) > 1 && faults.length > 0) throw new Error(faults.join("\n"));
  return leaksIn(stdout, secrets, allowed);
}

/** Files that somebody else than this user could read. */
export const openFiles = (files: readonly string[]): string[] =>
  files.flatMap((file) => {
    const { mode, uid } = fs.statSync(file);
    const rights = (mode & 0o777).toString(8);
    return rights === "600" && uid === process.getuid?.() ? [] : [`${file}: ${rights}, of user ${uid}`];
  });

/** Of processes that would leave their memory in a file when they crash. */
export const withCores = (pids: readonly number[]): string[] =>
  pids.flatMap((pid) => {
    const limit = /^Max core file size +(\S+) +(\S+)/m.exec(fs.readFileSync(`/proc/${pid}/limits`, "utf8"));
    const name = fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    return limit?.[1] === "0" && limit[2] === "0" ? [] : [`${name}: ${limit?.[0]}`];
  });
