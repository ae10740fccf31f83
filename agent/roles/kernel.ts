import fs from "node:fs";
import { readIfThere } from "../node-folder.ts";
import { HOST_BOOT } from "../../topology/host-places.ts";
import { ensureFile, type HostRole } from "./role.ts";

/** Each with its reason, and where it is in /proc. */
const SETTINGS = [
  ["vm.overcommit_memory", "1", "a fork of a large redis must not be refused for memory that it never touches"],
  ["vm.swappiness", "1", "redis on swap is slower than redis that is gone"],
  ["net.core.somaxconn", "4096", "after a failover every client connects at once"],
] as const;
/** Huge pages make each write after a fork copy 2 MiB instead of 4 KiB. */
const HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
/** In a container, a unit's sandbox on Debian 12 shows another boot than a shell does; a file in /run is the same for both. */
const AT_BOOT = `w ${HUGE_PAGES} - - - - madvise\nf ${HOST_BOOT} 0444 root root - %b\n`;

/** Settings of the kernel that redis asks for. They survive a reboot. */
export const kernel: HostRole = {
  name: "kernel",
  ensure(_, warn) {
    const done: string[] = [];
    const text = SETTINGS.map(([key, value, why]) => `# ${why}\n${key} = ${value}\n`).join("");
    if (ensureFile("/etc/sysctl.d/60-redis-ha.conf", text)) done.push("60-redis-ha.conf written");
    if (ensureFile("/etc/tmpfiles.d/redis-ha.conf", AT_BOOT)) done.push("redis-ha.conf for tmpfiles written");
    if (!fs.existsSync(HOST_BOOT)) ensureFile(HOST_BOOT, fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
    for (const [key, value] of SETTINGS) {
      const file = `/proc/sys/${key.replaceAll(".", "/")}`;
      if (set(file, value, (now) => now === value, warn)) done.push(`${key} is ${value}`);
    }
    if (set(HUGE_PAGES, "madvise", (now) => !now.includes("[always]"), warn))
      done.push("huge pages only when asked for");
    return done;
  },
};

/** @returns whether it was changed. A container cannot change its kernel: that is said, and no reason to stop. */
function set(file: string, value: string, right: (now: string) => boolean, warn: (line: string) => void): boolean {
  const now = readIfThere(file)?.trim();
  if (now === undefined || right(now)) return false;
  try {
    fs.writeFileSync(file, value);
    return true;
  } catch (error) {
    warn(
      `${file} stays "${now}", "${value}" is better (${(error as NodeJS.ErrnoException).code}; in a container, set it on its host)`,
    );
    return false;
  }
}
