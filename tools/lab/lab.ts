import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { execa, type Options } from "execa";
import { takeLock } from "../../agent/processes.ts";
import { namespaceExists } from "../../drill/netns.ts";
import { baseImage } from "./base.ts";
import { makeDisk } from "./disk.ts";
import { Host } from "./host.ts";
import { makeClientKey, sshConfig, writeClientFiles } from "./keys.ts";
import { inNamespace, makeNetwork } from "./network.ts";
import type { Image, Release } from "./recipe.ts";
import { describeLab, hostsNamed, type LabRecord, labsFolder, maxHosts, readLab, writeLab } from "./records.ts";
import { removeLab } from "./remove.ts";
import { whyNoLab } from "./requirements.ts";
import { requireSpace } from "./space.ts";

/** A host writes 17 MB when it boots, most of it its journal; this leaves room for a small Redis on each. */
const NEEDED_MB_PER_HOST = 100;
const SSH_TIMEOUT_MS = 60_000;

export interface LabOptions {
  /** Small letters, digits and hyphens. @default "default" */
  readonly name?: string;
  /**
   * 1 to 9: redis-a, redis-b and so on, at 10.77.0.11, 10.77.0.12 and so on; or names and addresses, of 10.77.0.2 to 10.77.0.254.
   * @default 3
   */
  readonly hosts?: number | Readonly<Record<string, string>>;
  /** @default "packages" */
  readonly image?: Image;
  /** @default "trixie" */
  readonly release?: Release;
  /** Is told what takes long. */
  readonly tell?: (line: string) => void;
}

/** Real Debian hosts on this computer, in a network that nothing leaves. It lives until `down`, longer than its maker. */
export class Lab {
  readonly hosts: readonly Host[];

  private constructor(readonly record: LabRecord) {
    this.hosts = record.hosts.map((host) => new Host(host, record.control));
  }

  /**
   * Makes a lab and boots its hosts. One that is up already is returned, its hosts switched on.
   * @throws when this computer cannot, or a lab of this name is up that is not as described
   */
  static async up(options: LabOptions = {}): Promise<Lab> {
    const { name = "default", hosts = 3, image = "packages", release = "trixie", tell = () => undefined } = options;
    const count = typeof hosts === "number" ? hosts : Object.keys(hosts).length;
    const why = whyNoLab() ?? whyNotSo(name, count);
    if (why !== undefined) throw new Error(why);
    const base = await baseImage(image, release, tell);
    return alone(name, async () => {
      const wanted = describeLab(name, typeof hosts === "number" ? hostsNamed(hosts) : hosts, image, release);
      const lab = Lab.open(name);
      if (lab) {
        if (!isSame(lab.record, wanted)) throw new Error(otherLab(lab.record));
        await lab.bootAll();
        return lab;
      }
      await removeLab(name);
      try {
        return await Lab.make(wanted, base, tell);
      } catch (error) {
        await removeLab(name);
        throw error;
      }
    });
  }

  /** The lab of this name, or undefined when there is none, or only a half of one. */
  static open(name = "default"): Lab | undefined {
    const record = readLab(name);
    return record?.complete && namespaceExists(record.control) ? new Lab(record) : undefined;
  }

  private static async make(record: LabRecord, base: string, tell: (line: string) => void): Promise<Lab> {
    writeLab(record);
    requireSpace(record.folder, record.hosts.length * NEEDED_MB_PER_HOST);
    makeNetwork(record);
    await makeClientKey(record.folder);
    for (const host of record.hosts) await makeDisk(host, record, base);
    writeClientFiles(record);
    tell(record.hosts.map(({ name }) => name).join(", "));
    const lab = new Lab({ ...record, complete: true });
    await lab.bootAll();
    writeLab(lab.record);
    return lab;
  }

  /** @throws when there is none of this name */
  host(name: string): Host {
    const found = this.hosts.find((host) => host.name === name);
    if (!found) throw new Error(`${name}: not one of the hosts ${this.hosts.map((host) => host.name).join(", ")}`);
    return found;
  }

  /** The command line that runs a command where the clients are; it reaches the hosts, and nothing else. */
  command(command: readonly string[]): string[] {
    return inNamespace(this.record.control, command);
  }

  /**
   * Runs a command where the clients are.
   * @returns its result, by execa
   * @throws when it fails
   */
  exec<T extends Options>(command: readonly string[], options?: T) {
    const [file, ...args] = this.command(command);
    return execa<T>(file!, args, options);
  }

  /**
   * Runs a command line on a host over ssh, the host's key checked.
   * @param options.input for its standard input
   * @returns what it wrote to stdout
   * @throws when the host cannot be reached or the command fails, with what was said
   */
  async ssh(
    host: string,
    command: string,
    { user = "admin", timeoutMs = SSH_TIMEOUT_MS, input = "" } = {},
  ): Promise<string> {
    const ssh = ["ssh", "-F", sshConfig(this.record.folder), `${user}@${this.host(host).name}`, command];
    const { stdout } = await this.exec(ssh, { input, timeout: timeoutMs });
    return stdout;
  }

  /** Ends everything that runs in the lab, and removes it. Does nothing the second time. */
  async down(): Promise<void> {
    await downLab(this.record.name);
  }

  private async bootAll(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.boot()));
  }
}

/**
 * Removes a lab, or the half of one that a killed `up` has left.
 * @returns whether there was anything
 * @throws while an `up` is under way
 */
export const downLab = (name: string): Promise<boolean> => alone(name, () => removeLab(name));

/** Two that make or remove the same lab would take each other's pieces. */
async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = takeLock(path.join(labsFolder(), `${name}.lock`));
  if ("holder" in lock)
    throw new Error(`lab ${name}: process ${lock.holder.pid} is making or removing it; wait for it`);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function whyNotSo(name: string, hosts: number): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
    return `${name}: the name of a lab has small letters, digits and hyphens, at most 31`;
  }
  if (Number.isInteger(hosts) && hosts >= 1 && hosts <= maxHosts) return undefined;
  return `${hosts}: a lab has 1 to ${maxHosts} hosts`;
}

const isSame = (one: LabRecord, other: LabRecord): boolean =>
  one.image === other.image && one.release === other.release && isDeepStrictEqual(one.hosts, other.hosts);

const otherLab = ({ name, hosts, image, release }: LabRecord): string =>
  `lab ${name} is up with ${hosts.length} hosts of ${release}, image ${image}: remove it first (npm run lab down), or give the new one another --name`;
