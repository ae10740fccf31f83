import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/** Network namespaces by the command `ip`, without a wait for the event loop: they are removed while a process exits too. */

/** Where `ip` keeps the names of namespaces. */
export const NAMES = "/run/netns";
const END_TIMEOUT_MS = 10_000;

/** Whether there is a network namespace of this name. */
export const namespaceExists = (namespace: string): boolean => fs.existsSync(path.join(NAMES, namespace));

/** Removes the name; the namespace itself lives as long as a process in it. */
export function removeNamespace(name: string): void {
  try {
    ip(["netns", "delete", name]);
  } catch (error) {
    // Another run that removes the same leftovers was quicker.
    if (namespaceExists(name)) throw error;
  }
}

/**
 * Ends (SIGKILL) whatever runs in namespaces that we made, and so is ours. Agents start again what was ended: it looks
 * until nothing is left.
 * @throws when that takes more than 10 s
 */
export function endProcessesIn(namespaces: readonly string[]): void {
  const deadline = Date.now() + END_TIMEOUT_MS;
  for (;;) {
    const pids = namespaces
      .filter(namespaceExists)
      .flatMap((name) => ip(["netns", "pids", name]).split("\n").filter(Boolean).map(Number));
    if (pids.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${namespaces.join(", ")}: pid ${pids.join(", ")} did not end`);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    // Nothing asynchronous runs while a process exits.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

/**
 * Runs `ip`. @returns what it printed
 * @throws with what it said
 */
export function ip(args: readonly string[], input?: string): string {
  try {
    return execFileSync("ip", args, { input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    if (!stderr) throw error;
    throw new Error(`ip ${args.join(" ")}: ${stderr.trim()}`);
  }
}

/** Several commands of `ip` at once; the first that fails ends it. */
export const batch = (options: readonly string[], ...lines: string[]): string =>
  ip([...options, "-batch", "-"], `${lines.join("\n")}\n`);
