import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import type { Host } from "../../tools/lab/host.ts";

const MIB = 1024 * 1024;

/** A disk of its own for a host of the lab, as an EBS volume is one for a machine: a file of this computer, as a block device. */
export class HostVolume {
  /** Where a host finds it. */
  readonly place: string;

  /**
   * @param id as EBS has it
   * @param file there already, or still to be made
   */
  constructor(
    id: string,
    readonly file: string,
  ) {
    this.place = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id.replace("-", "")}`;
  }

  /** Makes it, blank. */
  static create(id: string, file: string, sizeMb: number): HostVolume {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, "");
    fs.truncateSync(file, sizeMb * MIB);
    return new HostVolume(id, file);
  }

  /** Makes it one of a host's devices, until the host goes off. */
  async attach(host: Host): Promise<void> {
    const device = (await this.device()) ?? (await execa("losetup", ["--find", "--show", this.file])).stdout;
    const { rdev } = fs.statSync(device);
    const [major, minor] = [(rdev >> 8) & 0xfff, rdev & 0xff];
    const { place } = this;
    const script = `mkdir -p $(dirname ${place}) && rm -f ${place} ${device} && mknod ${device} b ${major} ${minor} && ln -s ${device} ${place}`;
    await execa("nsenter", ["--target", `${await initOf(host)}`, "--mount", "sh", "-c", script]);
  }

  async grow(sizeMb: number): Promise<void> {
    fs.truncateSync(this.file, sizeMb * MIB);
    const device = await this.device();
    if (device !== undefined) await execa("losetup", ["--set-capacity", device]);
  }

  /** Ends what `attach` began; the host is off. */
  async detach(): Promise<void> {
    const device = await this.device();
    if (device !== undefined) await execa("losetup", ["--detach", device], { reject: false });
  }

  async remove(): Promise<void> {
    await this.detach();
    fs.rmSync(this.file, { force: true });
  }

  private async device(): Promise<string | undefined> {
    const found = (await devices()).find(({ file }) => file === this.file);
    return found?.name;
  }
}

/** Ends what `attach` began for all volumes below a folder, also when that is gone. */
export async function detachAllBelow(folder: string): Promise<void> {
  for (const { name, file } of await devices())
    if (file.startsWith(`${folder}/`)) await execa("losetup", ["--detach", name], { reject: false });
}

async function devices(): Promise<{ name: string; file: string }[]> {
  const { stdout } = await execa("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  return stdout.split("\n").flatMap((line) => {
    const [, name, file] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
    return name !== undefined && file !== undefined ? [{ name, file }] : [];
  });
}

/** The computer's pid of the host's own first process. */
async function initOf(host: Host): Promise<number> {
  for (const pid of host.pids()) {
    const { stdout } = await execa("grep", ["^NSpid:", `/proc/${pid}/status`], { reject: false });
    if (/\t1$/.test(stdout)) return pid;
  }
  throw new Error(`${host.name} has no first process: it is off`);
}
