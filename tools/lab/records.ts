import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { projectRoot, readIfThere, writeAtomically } from "../../agent/node-folder.ts";
import type { Image, Release } from "./recipe.ts";

/** A host as it was described; its process is recorded in its folder, `process.json`. */
export interface HostRecord {
  readonly name: string;
  readonly address: string;
  /** Its network namespace, its machine name and its control group have this name. */
  readonly namespace: string;
  readonly folder: string;
}

/** `lab.json`: what a lab consists of. Written before anything of it is made. */
export interface LabRecord {
  readonly name: string;
  readonly image: Image;
  readonly release: Release;
  /** The namespace with the bridge, in which all clients run; the names of the hosts' namespaces begin with it. */
  readonly control: string;
  readonly folder: string;
  readonly hosts: readonly HostRecord[];
  /** False while it is being made, and when that was interrupted. */
  readonly complete: boolean;
}

/** The address of the clients; that of the first host is `${network}.11`. The same in every lab: labs do not meet. */
export const network = "10.77.0";
export const controlAddress = `${network}.1`;
export const maxHosts = 9;

/** Folders of all labs of this checkout. */
export const labsFolder = (): string => path.join(projectRoot(import.meta.dirname), ".lab");
export const labFolder = (name: string): string => path.join(labsFolder(), name);

/** Follows from the folder, so that what a lost record named is found all the same. At most 12 characters. */
export const controlOf = (folder: string): string =>
  `rhl-${createHash("sha256").update(folder).digest("hex").slice(0, 8)}`;

/** The hosts of a lab that says no more than how many: redis-a, redis-b and so on, each with its address. */
export const hostsNamed = (count: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `redis-${String.fromCharCode(97 + index)}`,
      `${network}.${11 + index}`,
    ]),
  );

/** What a lab is to consist of. @param hosts the address of each, by name */
export function describeLab(
  name: string,
  hosts: Readonly<Record<string, string>>,
  image: Image,
  release: Release,
): LabRecord {
  const folder = labFolder(name);
  const control = controlOf(folder);
  return {
    name,
    image,
    release,
    control,
    folder,
    hosts: Object.entries(hosts).map(([host, address]) => ({
      name: host,
      address,
      namespace: `${control}-${host}`,
      folder: path.join(folder, host),
    })),
    complete: false,
  };
}

export function writeLab(record: LabRecord): void {
  writeAtomically(path.join(record.folder, "lab.json"), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of a lab, or undefined when there is none. */
export function readLab(name: string): LabRecord | undefined {
  const text = readIfThere(path.join(labFolder(name), "lab.json"));
  return text === undefined ? undefined : (JSON.parse(text) as LabRecord);
}

/** The names of the labs of this checkout, half-made ones too. */
export const labNames = (): string[] =>
  fs.existsSync(labsFolder())
    ? fs.readdirSync(labsFolder(), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []))
    : [];
