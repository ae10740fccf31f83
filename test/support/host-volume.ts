import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import type { Host } from "../../tools/lab/host.ts";

const MIB = 1024 * 1024;

/** A disk of its own for a host of the lab, as an EBS volume is one for a machine: a file of this computer, as a block device. */
export class HostVolume {
  /** Where a host finds it. */
  readonly place: string;
  private device: string | undefined;

  /** @param id as EBS has it */
  constructor(
    id: string,
    readonly file: string,
    sizeMb: number,
  ) {
    this.place = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id.replace("-", "")}`;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, "");
    fs.truncateSync(file, sizeMb * MIB);
  }

  /** Makes it one of a host's devices, until the host goes off. */
  async attach(host: Host): Promise<void> {
    this.device ??= (await execa("losetup", ["--find", "--show", this.file])).stdout;
    const { rdev } = fs.statSync(this.device);
    const [major, minor] = [(rdev >> 8) & 0xfff, rdev & 0xff];
    const { device, place } = this;
    const script = `mkdir -p $(dirname ${place}) && rm -f ${place} ${device} && mknod ${device} b ${major} ${minor} && ln -s ${device} ${place}`;
    await execa("nsenter", ["--target", `${await initOf(host)}`, "--mount", "sh", "-c", script]);
  }

  async grow(sizeMb: number): Promise<void> {
    fs.truncateSync(this.file, sizeMb * MIB);
    if (this.device !== undefined) await execa("losetup", ["--set-capacity", this.device]);
  }

  async remove(): Promise<void> {
    if (this.device !== undefined) await execa("losetup", ["--detach", this.device], { reject: false });
    fs.rmSync(this.file, { force: true });
  }
}

/** The computer's pid of the host's own first process. */
async function initOf(host: Host): Promise<number> {
  for (const pid of host.pids()) {
    const { stdout } = await execa("grep", ["^NSpid:", `/proc/${pid}/status`], { reject: false });
    if (/\t1$/.test(stdout)) return pid;
  }
  throw new Error(`${host.name} has no first process: it is off`);
}
