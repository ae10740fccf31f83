import fs from "node:fs";
import path from "node:path";
import { isAlive, recordOf, waitFor } from "../../agent/processes.ts";

/** Ending hundreds of processes takes milliseconds; those in the middle of a write to a slow disk take longer. */
const END_TIMEOUT_MS = 20_000;

/**
 * All processes of a host, whatever they have become: systemd-nspawn and the host's own. Killing systemd-nspawn alone
 * leaves the host running. Each host needs a group of its own besides: without one, the systemds of all hosts would
 * share the group of whoever started them.
 */
export class ControlGroup {
  /** One in each hierarchy that systemd uses; the first is the unified one, which can be killed as a whole. */
  private readonly folders: readonly string[];

  constructor(name: string) {
    this.folders = hierarchies().map((folder) => path.join(folder, name));
  }

  /** Makes it anew. @throws when something still runs in it */
  create(): void {
    this.remove();
    for (const folder of this.folders) fs.mkdirSync(folder);
  }

  /** A shell command by which a shell, and what it becomes, joins. */
  get joining(): string {
    return this.folders.map((folder) => `echo $$ >${folder}/cgroup.procs`).join(" && ");
  }

  /** The computer's pids of what runs in it. */
  pids(): number[] {
    return tree(this.folders[0]!).flatMap((folder) =>
      (unlessGone(() => fs.readFileSync(path.join(folder, "cgroup.procs"), "utf8")) ?? "")
        .split("\n")
        .filter(Boolean)
        .map(Number),
    );
  }

  /** Ends everything in it by SIGKILL, at the same moment. Does nothing when there is no such group. */
  async kill(): Promise<void> {
    const [unified] = this.folders;
    if (!fs.existsSync(unified!)) return;
    const processes = this.pids().flatMap((pid) => recordOf(pid) ?? []);
    fs.writeFileSync(path.join(unified!, "cgroup.kill"), "1");
    // A process leaves its group a moment before it is gone.
    const isOver = (): boolean => this.isEmpty() && !processes.some(isAlive);
    await waitFor(`the processes in ${unified} end`, () => isOver() || undefined, END_TIMEOUT_MS);
  }

  /** Has everything in it stand still, or go on. */
  async freeze(frozen: boolean): Promise<void> {
    const [unified] = this.folders;
    fs.writeFileSync(path.join(unified!, "cgroup.freeze"), frozen ? "1" : "0");
    const is = (): boolean =>
      fs.readFileSync(path.join(unified!, "cgroup.events"), "utf8").includes(`frozen ${frozen ? 1 : 0}`);
    await waitFor(`${unified} ${frozen ? "stands still" : "goes on"}`, () => is() || undefined, END_TIMEOUT_MS);
  }

  /** Whether nothing runs in it; also when there is no such group. */
  isEmpty(): boolean {
    const events = unlessGone(() => fs.readFileSync(path.join(this.folders[0]!, "cgroup.events"), "utf8"));
    return events === undefined || events.includes("populated 0");
  }

  /** Removes the empty group, with the groups that the host's systemd has made. */
  remove(): void {
    for (const folder of this.folders.flatMap(tree).reverse()) fs.rmdirSync(folder);
  }

  /** The names of the groups that begin so. */
  static names(prefix: string): string[] {
    const [unified] = hierarchies();
    return fs.readdirSync(unified!).filter((name) => name.startsWith(prefix));
  }
}

/** A group and all below it, each after the one that holds it; nothing when there is none. */
function tree(folder: string): string[] {
  const entries = unlessGone(() => fs.readdirSync(folder, { withFileTypes: true }));
  if (!entries) return [];
  const below = entries.filter((entry) => entry.isDirectory());
  return [folder, ...below.flatMap((entry) => tree(path.join(folder, entry.name)))];
}

/** What a host's systemd may remove while it is read. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/**
 * Where the kernel shows the groups that systemd uses: one unified hierarchy, and on older set-ups a named one as well.
 * @throws when there is no unified one
 */
function hierarchies(): string[] {
  const mounts = fs
    .readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const unified = mounts.filter(([, , kind]) => kind === "cgroup2");
  const named = mounts.filter(([, , kind, options]) => kind === "cgroup" && options?.includes("name=systemd"));
  if (unified.length === 0)
    throw new Error("a lab needs control groups of version 2: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  return [...unified.slice(0, 1), ...named.slice(0, 1)].map(([, folder]) => folder!);
}
