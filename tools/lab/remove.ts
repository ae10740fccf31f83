import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { endProcessesIn, NAMES, removeNamespace } from "../../drill/netns.ts";
import { ControlGroup } from "./control-group.ts";
import { mountsBelow } from "./disk.ts";
import { controlOf, labFolder } from "./records.ts";

/** Where systemd-nspawn has a folder a machine, and a lock for each root; both stay when it is killed. */
const NSPAWN = "/run/systemd/nspawn";

/**
 * Removes all that a lab of this name consists of, whoever made it and however far that came: by the names that follow
 * from its folder, and not by its record, which may be lost.
 * @returns whether there was anything
 * @throws when this process itself runs inside
 */
export async function removeLab(name: string): Promise<boolean> {
  const folder = labFolder(name);
  const control = controlOf(folder);
  const own = (candidate: string): boolean => candidate === control || candidate.startsWith(`${control}-`);
  const namespaces = list(NAMES).filter(own);
  refuseFromInside(namespaces);
  const groups = ControlGroup.names(`${control}-`);
  const found = namespaces.length > 0 || groups.length > 0 || fs.existsSync(folder);

  for (const group of groups.map((each) => new ControlGroup(each))) {
    await group.kill();
    group.remove();
  }
  endProcessesIn(namespaces);
  for (const namespace of namespaces) removeNamespace(namespace);
  for (const kind of list(NSPAWN)) {
    for (const machine of list(path.join(NSPAWN, kind)).filter(own)) {
      const left = path.join(NSPAWN, kind, machine);
      for (const point of mountsBelow(left)) await execa("umount", [point]);
      fs.rmSync(left, { recursive: true });
    }
  }
  for (const root of mountsBelow(folder)) {
    fs.rmSync(lockOf(root), { force: true });
    await execa("umount", [root]);
  }
  fs.rmSync(folder, { recursive: true, force: true });
  return found;
}

function refuseFromInside(namespaces: readonly string[]): void {
  const mine = fs.statSync("/proc/self/ns/net").ino;
  if (!namespaces.some((name) => fs.statSync(path.join(NAMES, name)).ino === mine)) return;
  throw new Error("this shell is inside the lab, and would be ended with it: leave it first (exit)");
}

/** The lock of a root, by which systemd-nspawn boots it once only. */
function lockOf(root: string): string {
  const { dev, ino } = fs.statSync(root);
  return path.join(NSPAWN, "locks", `inode-${dev}:${ino}`);
}

const list = (folder: string): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);
