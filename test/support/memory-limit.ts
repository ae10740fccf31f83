import fs from "node:fs";
import path from "node:path";
import { waitFor } from "../../agent/processes.ts";

const GROUP_EMPTY_MS = 20_000;

/** What the kernel calls the files of a control group with a memory limit, in its two versions. */
const versions = [
  { kind: "cgroup", option: "memory", limit: "memory.limit_in_bytes", kills: "memory.oom_control" },
  { kind: "cgroup2", option: "", limit: "memory.max", kills: "memory.events" },
] as const;

/**
 * So much memory and no more for what a process needs from now on, as if its host had no more. A lab's hosts share the
 * computer's memory, and their systemd cannot limit it, so this is done from outside.
 */
export class MemoryLimit {
  private constructor(
    private readonly folder: string,
    private readonly kills: string,
  ) {}

  /**
   * @param name of the control group
   * @param pid the computer's, not the host's
   * @throws when this computer has no memory controller
   */
  static set(name: string, pid: number, bytes: number): MemoryLimit {
    const mounts = fs.readFileSync("/proc/self/mounts", "utf8").split("\n");
    for (const { kind, option, limit, kills } of versions) {
      const mount = mounts.map((line) => line.split(" ")).find((it) => it[2] === kind && it[3]?.includes(option));
      if (!mount?.[1]) continue;
      const folder = path.join(mount[1], name);
      fs.mkdirSync(folder);
      if (!fs.existsSync(path.join(folder, limit))) {
        fs.rmdirSync(folder);
        continue;
      }
      fs.writeFileSync(path.join(folder, limit), String(bytes));
      fs.writeFileSync(path.join(folder, "cgroup.procs"), String(pid));
      return new MemoryLimit(folder, path.join(folder, kills));
    }
    throw new Error("no control group of this computer limits memory: mount the memory controller");
  }

  /** How many processes the kernel has ended because of it. */
  get killed(): number {
    return Number(/^oom_kill (\d+)$/m.exec(fs.readFileSync(this.kills, "utf8"))?.[1] ?? 0);
  }

  /** Ends it, once the process has ended or was moved. */
  async remove(): Promise<void> {
    const empty = (): boolean => fs.readFileSync(path.join(this.folder, "cgroup.procs"), "utf8") === "";
    await waitFor(`nothing runs in ${this.folder}`, () => empty() || undefined, GROUP_EMPTY_MS);
    fs.rmdirSync(this.folder);
  }
}
