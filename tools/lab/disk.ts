import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { hostsFile } from "./network.ts";
import type { HostRecord, LabRecord } from "./records.ts";
import { admin } from "./recipe.ts";
import { clientKey, makeHostKey } from "./keys.ts";

/** Where the host's file system is mounted; there while the host is off, too. */
export const rootOf = ({ folder }: HostRecord): string => path.join(folder, "root");

/**
 * Makes a host's disk: what is read from the base image, and what is written to a folder of its own. Then gives it a name
 * and keys.
 * @throws when the kernel cannot lay one file system over another here
 */
export async function makeDisk(host: HostRecord, { hosts, folder }: LabRecord, base: string): Promise<void> {
  const root = rootOf(host);
  for (const name of ["written", "work", "root"]) fs.mkdirSync(path.join(host.folder, name), { recursive: true });
  // What the caller's umask says is not for the host: this becomes its `/`.
  fs.chmodSync(path.join(host.folder, "written"), 0o755);
  // Names without a folder, because a comma or a colon in a path would end it.
  fs.symlinkSync(base, path.join(host.folder, "base"));
  const layers = "lowerdir=base,upperdir=written,workdir=work";
  await execa("mount", ["-t", "overlay", "-o", layers, "overlay", "root"], { cwd: host.folder }).catch(
    (error: { stderr?: string; message: string }) => {
      throw new Error(
        `${host.folder}: ${error.stderr || error.message}; a lab needs a checkout on a disk that takes overlays, as ext4 does`,
      );
    },
  );
  writeReadable(path.join(root, "etc/hostname"), `${host.name}\n`);
  writeReadable(path.join(root, "etc/hosts"), hostsFile(hosts));
  const key = fs.readFileSync(`${clientKey(folder)}.pub`, "utf8");
  authorize(path.join(root, "root"), key, 0);
  authorize(path.join(root, "home", admin.name), key, admin.id);
  await makeHostKey(path.join(root, "etc/ssh"), host);
}

function writeReadable(file: string, text: string): void {
  fs.writeFileSync(file, text);
  fs.chmodSync(file, 0o644);
}

function authorize(home: string, key: string, owner: number): void {
  const folder = path.join(home, ".ssh");
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(folder, "authorized_keys"), key, { mode: 0o600 });
  for (const it of [folder, path.join(folder, "authorized_keys")]) fs.chownSync(it, owner, owner);
}

/** What is mounted at or below a folder, each before the one that it lies on. */
export function mountsBelow(folder: string): string[] {
  return (
    fs
      .readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      // The kernel writes blanks and their like as \040.
      .map((line) => (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal: string) => charOf(octal)))
      .filter((point) => point === folder || point.startsWith(`${folder}/`))
      .reverse()
  );
}

const charOf = (octal: string): string => String.fromCharCode(Number.parseInt(octal, 8));
