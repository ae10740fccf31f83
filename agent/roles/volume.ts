import fs from "node:fs";
import { HOST_STATE } from "../../topology/host-places.ts";
import { readIfThere } from "../node-folder.ts";
import { ensureFile, run, succeeds } from "./role.ts";

/** AWS has attached the volume before this begins; the kernel, or udev, may need a moment more. */
const DEVICE_TIMEOUT_MS = 60_000;
const LOOK_MS = 250;
/** A volume that was never used is all zeros; the first part tells. */
const LOOKED_AT_BYTES = 4 * 1024 * 1024;

const FSTAB = "/etc/fstab";
/** A machine without its data still boots, so that somebody can look at it; the servers do not start then (RequiresMountsFor). */
const OPTIONS = "defaults,noatime,nofail,x-systemd.device-timeout=60s";

/** How an EBS volume is found on a machine whose disks are NVMe, which all types of today are: by its id, whatever device it is. */
const deviceOf = (volume: string): string =>
  `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume.replace("-", "")}`;

/**
 * Mounts a machine's data volume where the nodes of a host are. One that was never used gets a file system; one that has grown has
 * its file system grow with it.
 * @param volume the id of the EBS volume, for example vol-0123456789abcdef0
 * @returns what was changed, in words
 * @throws when the volume is not there, or has something on it that cannot be mounted; it is never formatted then
 */
export function ensureVolume(volume: string): string[] {
  const device = deviceOf(volume);
  waitForDevice(device, volume);
  const done: string[] = [];
  const mounted = mountedAt(HOST_STATE);
  const blank = fileSystemOf(device) === undefined;
  if (mounted === undefined) refuseToHide(volume);
  if (blank) refuseUnlessBlank(device, volume);
  if (mounted !== undefined && (blank || mounted !== uuidOf(device))) {
    throw new Error(`${HOST_STATE} is another file system than that of ${volume}; unmount it, and apply again`);
  }
  if (blank) {
    run("mkfs.ext4", "-q", "-m", "0", device);
    done.push(`${volume}: file system made`);
  }
  const lines = (readIfThere(FSTAB) ?? "")
    .split("\n")
    .filter((line) => line !== "" && line.split(/\s+/)[1] !== HOST_STATE);
  const text = [...lines, `UUID=${uuidOf(device)} ${HOST_STATE} ext4 ${OPTIONS} 0 2`].join("\n");
  if (ensureFile(FSTAB, `${text}\n`)) run("systemctl", "daemon-reload");
  if (mounted === undefined) {
    fs.mkdirSync(HOST_STATE, { recursive: true });
    run("mount", HOST_STATE);
    done.push(`${volume} mounted`);
  }
  return [...done, ...grow(device, volume)];
}

/**
 * Unmounts it, before the machine is taken from it. Its nodes are retired.
 * @returns what was changed, in words; nothing where the nodes of the host have no volume of their own
 */
export function releaseVolume(): string[] {
  const own = (readIfThere(FSTAB) ?? "").split("\n").some((line) => line.includes(` ${HOST_STATE} ext4 ${OPTIONS} `));
  if (!own || mountedAt(HOST_STATE) === undefined) return [];
  run("umount", HOST_STATE);
  return ["data volume unmounted"];
}

/** Is anything mounted where the nodes of a host are? */
export const isMounted = (): boolean => succeeds("mountpoint", "--quiet", HOST_STATE);

const uuidOf = (device: string): string =>
  run("blkid", "--probe", "--output", "value", "--match-tag", "UUID", device).trim();

function waitForDevice(device: string, volume: string): void {
  const deadline = Date.now() + DEVICE_TIMEOUT_MS;
  while (!fs.existsSync(device)) {
    if (Date.now() > deadline) {
      throw new Error(
        `${volume} is not there after ${DEVICE_TIMEOUT_MS / 1000} s (${device}); is it attached to this machine? Nothing was changed`,
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
}

/** @returns undefined when the device has nothing that is known. @throws when it has several, or cannot be read */
function fileSystemOf(device: string): string | undefined {
  // 2: nothing was found. Other codes are faults, and no reason to format.
  const probe = `blkid --probe --output value --match-tag TYPE "$0" || [ $? -eq 2 ]`;
  const type = run("sh", "-c", probe, device).trim();
  if (type !== "" && type !== "ext4")
    throw new Error(`${device} has a file system of another kind (${type}); it is left alone`);
  return type === "" ? undefined : type;
}

/** A partition table, a file system of a kind that nobody knows, or half of one: whatever it is, it may be somebody's data. */
function refuseUnlessBlank(device: string, volume: string): void {
  const handle = fs.openSync(device, "r");
  try {
    const bytes = Buffer.alloc(LOOKED_AT_BYTES);
    const length = fs.readSync(handle, bytes, 0, LOOKED_AT_BYTES, 0);
    if (bytes.subarray(0, length).every((byte) => byte === 0)) return;
  } finally {
    fs.closeSync(handle);
  }
  throw new Error(
    `${volume} is not blank, and has no file system that can be mounted: it is not formatted. If nothing on it is needed, ` +
      `wipe its beginning (dd if=/dev/zero of=${fs.realpathSync(device)} bs=1M count=8), and apply again`,
  );
}

/** @returns the id of the file system that is mounted there */
function mountedAt(folder: string): string | undefined {
  if (!succeeds("mountpoint", "--quiet", folder)) return undefined;
  const source = run("findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", folder).trim();
  return uuidOf(source);
}

/** What lies there without the volume would be out of sight, and its nodes empty. */
function refuseToHide(volume: string): void {
  const there = fs.existsSync(HOST_STATE) ? fs.readdirSync(HOST_STATE) : [];
  if (there.length === 0) return;
  throw new Error(
    `${HOST_STATE} has ${there.join(", ")} on the machine's own disk, which ${volume} would hide; move it away, and apply again`,
  );
}

/** Does nothing when the volume is as large as before. */
function grow(device: string, volume: string): string[] {
  const size = (): string => run("stat", "--file-system", "--format", "%b", HOST_STATE);
  const before = size();
  run("resize2fs", device);
  return size() === before ? [] : [`${volume}: file system grown`];
}
