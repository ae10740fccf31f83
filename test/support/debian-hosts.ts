import fs from "node:fs";
import { describe } from "vitest";
import { NoDebian } from "../../tools/servers/debian.ts";
import { baseImage } from "../../tools/lab/base.ts";
import { controlOf, labFolder } from "../../tools/lab/records.ts";
import { whyNoLab } from "../../tools/lab/requirements.ts";

const why = whyNoLab() ?? (await whyNoImage());
if (why !== undefined) console.warn(`SKIPPED, no real host is tested: ${why}`);

/** Tests that need real hosts; skipped, with a word why, where none can be made. Fetches their image, once. */
export const describeWithHosts = describe.skipIf(why !== undefined);

async function whyNoImage(): Promise<string | undefined> {
  try {
    await baseImage("packages", "trixie", (line) => console.warn(`Image of the lab's hosts: ${line}`));
    return undefined;
  } catch (error) {
    if (error instanceof NoDebian) return error.message;
    throw error;
  }
}

/** What is left of a lab on this computer, as a person would look for it: nothing, in words. */
export function leftOf(name: string): string[] {
  const folder = labFolder(name);
  const control = controlOf(folder);
  const listed = (parent: string): string[] =>
    fs.existsSync(parent) ? fs.readdirSync(parent, { recursive: true, encoding: "utf8" }) : [];
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return [
    ...fs.readdirSync("/run/netns").filter((it) => it.startsWith(control)),
    ...mounts.filter((line) => line.includes(folder) || line.includes(control)),
    ...["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].flatMap((parent) =>
      fs.existsSync(parent) ? fs.readdirSync(parent).filter((it) => it.startsWith(control)) : [],
    ),
    ...processesWith(control, folder),
    ...listed("/run/systemd/nspawn").filter((it) => it.includes(control)),
    ...(fs.existsSync(folder) ? [folder] : []),
  ];
}

/** The command lines that have one of these words. */
export function processesWith(...words: string[]): string[] {
  return fs.readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return words.some((word) => line.includes(word)) ? [`${pid} ${line}`] : [];
    } catch {
      return [];
    }
  });
}
