import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { makeDisk, rootOf } from "../../../tools/lab/disk.ts";
import type { Host } from "../../../tools/lab/host.ts";
import { writeClientFiles } from "../../../tools/lab/keys.ts";
import type { Lab } from "../../../tools/lab/lab.ts";
import { admin } from "../../../tools/lab/recipe.ts";
import { detachAllBelow, HostVolume } from "../host-volume.ts";

/** What is read of an instance that Terraform asks for. */
export interface InstanceRequest {
  readonly instance_type: string;
  readonly user_data: string;
  readonly network_interface: { readonly private_ip: string };
}

/** What is read of a volume's attachment. */
export interface AttachmentRequest {
  readonly volume: { readonly id: string; readonly size: number };
  readonly instance: { readonly private_ip: string };
}

const MIB_PER_GIB = 1024;

/** EC2, played by hosts of a lab: an instance is the host that has its address, booted with a disk that nobody has used. */
export class Instances {
  private readonly folder: string;

  /** @param trusted certificates that machines trust beside Debian's, in PEM; names that they find at the lab's own address */
  constructor(
    private readonly lab: Lab,
    private readonly trusted: { readonly authority: string; readonly names: readonly string[]; readonly at: string },
  ) {
    this.folder = path.join(lab.record.folder, "cloud");
    fs.mkdirSync(path.join(this.folder, "attached"), { recursive: true });
    fs.mkdirSync(path.join(this.folder, "types"), { recursive: true });
  }

  /** Ends as EC2 does when the machine runs; its first boot goes on. */
  async run({ instance_type, user_data, network_interface }: InstanceRequest): Promise<void> {
    const host = this.host(network_interface.private_ip);
    await host.powerLoss();
    await this.blankDisk(host);
    fs.writeFileSync(this.typeFile(host), instance_type);
    const script = path.join(host.root, "var/lib/user-data");
    fs.writeFileSync(script, user_data, { mode: 0o700 });
    await host.boot();
    await host.run(["systemd-run", "--quiet", "--no-block", "--unit=first-boot", "/var/lib/user-data"]);
  }

  /** With another type, it is stopped and started. */
  async modify({ instance_type, network_interface }: InstanceRequest): Promise<void> {
    const host = this.host(network_interface.private_ip);
    if (fs.readFileSync(this.typeFile(host), "utf8") === instance_type) return;
    fs.writeFileSync(this.typeFile(host), instance_type);
    await stop(host);
    await host.boot();
    for (const volume of this.attachedTo(host)) await volume.attach(host);
  }

  async terminate({ network_interface }: InstanceRequest): Promise<void> {
    await stop(this.host(network_interface.private_ip));
  }

  async attach({ volume: { id, size }, instance }: AttachmentRequest): Promise<void> {
    const host = this.host(instance.private_ip);
    const file = this.volumeFile(id);
    const volume = fs.existsSync(file) ? new HostVolume(id, file) : HostVolume.create(id, file, size * MIB_PER_GIB);
    fs.writeFileSync(this.attachment(id), host.name);
    await volume.attach(host);
  }

  /** As with `stop_instance_before_detaching`. */
  async detach({ volume: { id }, instance }: AttachmentRequest): Promise<void> {
    await stop(this.host(instance.private_ip));
    await new HostVolume(id, this.volumeFile(id)).detach();
    fs.rmSync(this.attachment(id), { force: true });
  }

  /** The machine is gone at once, with what was on its own disk. */
  async lose(host: Host): Promise<void> {
    await host.powerLoss();
    for (const volume of this.attachedTo(host)) await volume.detach();
  }

  detachVolumes(): Promise<void> {
    return detachAllBelow(this.folder);
  }

  private host(address: string): Host {
    const found = this.lab.hosts.find((host) => host.address === address);
    if (!found) throw new Error(`${address}: the lab has ${this.lab.hosts.map((host) => host.address).join(", ")}`);
    return found;
  }

  /** As an image gives it: nobody may log in, but root with the key of the lab, by which a test looks. */
  private async blankDisk(host: Host): Promise<void> {
    const { record } = this.lab;
    const its = record.hosts.find(({ name }) => name === host.name);
    if (!its) throw new Error(`${host.name}: not in the record of the lab`);
    const base = fs.readlinkSync(path.join(its.folder, "base"));
    await execa("umount", [rootOf(its)]);
    for (const name of ["written", "work", "root", "base"])
      fs.rmSync(path.join(its.folder, name), { recursive: true, force: true });
    await makeDisk(its, record, base);
    writeClientFiles(record);
    fs.rmSync(path.join(host.root, "home", admin.name, ".ssh"), { recursive: true });
    fs.appendFileSync(path.join(host.root, "etc/ssl/certs/ca-certificates.crt"), this.trusted.authority);
    fs.appendFileSync(path.join(host.root, "etc/hosts"), `${this.trusted.at} ${this.trusted.names.join(" ")}\n`);
  }

  private readonly typeFile = (host: Host): string => path.join(this.folder, "types", host.name);
  private readonly volumeFile = (id: string): string => path.join(this.folder, "volumes", `${id}.img`);
  private readonly attachment = (id: string): string => path.join(this.folder, "attached", id);

  private attachedTo(host: Host): HostVolume[] {
    return fs
      .readdirSync(path.join(this.folder, "attached"))
      .filter((id) => fs.readFileSync(this.attachment(id), "utf8") === host.name)
      .map((id) => new HostVolume(id, this.volumeFile(id)));
  }
}

/** An orderly end, which EC2 gives every machine that it stops or terminates. */
async function stop(host: Host): Promise<void> {
  if ((await host.state()) === "off") return;
  await host.poweroff();
}
