import { spawnSync } from "node:child_process";
import { run } from "./role.ts";

/** Another apt is waited for; a source that does not answer is tried three times, for 20 s each. English, because its words are read. */
export const APT = [
  ...["env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes"],
  ...["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"],
] as const;

/**
 * Installs packages without what they only recommend. Finishes an installation that was interrupted before.
 * @throws with what apt said, and what to do
 */
export function installPackages(packages: readonly string[]): void {
  // A source that has nothing to do with these packages may be down; and what was read before may do.
  const { words: update } = attempt(...APT, "update");
  run("dpkg", "--configure", "-a");
  const { failed, words } = attempt(...APT, "--no-install-recommends", "install", ...packages);
  if (failed) throw new Error(`${packages.join(", ")} could not be installed:\n${explainApt(`${update}\n${words}`)}`);
}

/** dpkg's errors come on apt's standard output. */
function attempt(command: string, ...args: string[]): { failed: boolean; words: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return { failed: status !== 0, words: `${stdout}\n${stderr}` };
}

const FAILURES = [
  [
    /No space left on device|enough free space/,
    "the disk is full: make room (df -h shows where; apt-get clean), and apply again, which finishes what was begun",
  ],
  [
    /Could not (resolve|connect)|Failed to fetch|Unable to connect|Temporary failure|timed out/i,
    "a package source of the host does not answer: see /etc/apt/sources.list and sources.list.d, make apt-get update work there, and apply again",
  ],
  [
    /Unable to locate package|no installation candidate/,
    "the host's package sources do not have it: add Debian's own source of its release (valkey is in Debian 13 and later), and apply again",
  ],
  [/Could not get lock|Unable to acquire the dpkg/, "another apt runs on the host: wait for its end, and apply again"],
] as const;

/** The line of apt's words that tells why it failed, with what to do about it; its last lines when none is known. */
export function explainApt(words: string): string {
  const lines = words.trim().split("\n");
  for (const [pattern, advice] of FAILURES) {
    const line = lines.find((each) => pattern.test(each));
    if (line !== undefined) return `${line.trim()}\n${advice}`;
  }
  return lines.slice(-5).join("\n");
}
