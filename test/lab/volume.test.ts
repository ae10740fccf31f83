import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HostCluster } from "../support/host-cluster.ts";
import { HostVolume } from "../support/host-volume.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";

const ID = "vol-0123456789abcdef0";
const STATE = "/var/lib/redis-ha";

/** CAP_SYS_RESOURCE, which not even root has on every computer. */
const mayGrow =
  (BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1]}`) >> 24n) & 1n;
if (!mayGrow)
  console.warn("SKIPPED, the growth of a mounted file system: root lacks CAP_SYS_RESOURCE on this computer");

/** What is promised of the disk on which a node's data outlives its machine. The steps build on each other. */
describeWithHosts.sequential("a host with a data volume of its own", () => {
  let cluster: HostCluster;
  let volume: HostVolume;
  const ssh = (command: string): Promise<string> => cluster.lab.ssh("redis-a", command);
  const install = (): Promise<{ code: number; all: string }> =>
    cluster.step("install", "redis-a", {}, { REDIS_HA_VOLUME: ID });
  const mounted = (): Promise<string> => ssh(`findmnt --noheadings --output FSTYPE --mountpoint ${STATE} || true`);

  beforeAll(async () => {
    cluster = await HostCluster.up("volume", {}, { hosts: 1 });
    volume = HostVolume.create(ID, path.join(cluster.lab.record.folder, "volume.img"), 64);
    await volume.attach(cluster.lab.host("redis-a"));
  }, 240_000);
  afterAll(async () => {
    await volume?.remove();
    await cluster?.down();
  });

  it("a volume with something on it that cannot be mounted is left alone", async () => {
    await ssh(`echo somebodys-data | sudo tee ${volume.place} >/dev/null`);
    const { code, all } = await install();
    expect(code, all).toBe(1);
    expect(all).toMatch(/vol-0123456789abcdef0 is not blank.*it is not formatted/);
    expect(await ssh(`sudo head -c 14 ${volume.place}`)).toBe("somebodys-data");
    expect(await mounted()).toBe("");
    await ssh(`sudo mkfs.ext2 -q -F ${volume.place}`);
    expect((await install()).all).toContain("has a file system of another kind (ext2); it is left alone");
    await ssh(`sudo dd if=/dev/zero of=${volume.place} bs=1M count=64 status=none`);
  });

  it("what lies where it is mounted is not hidden", async () => {
    await ssh(`sudo mkdir -p ${STATE}/hosts/redis-a`);
    expect((await install()).all).toContain(`${STATE} has hosts on the machine's own disk`);
    expect(await ssh(`grep -c ${STATE} /etc/fstab || true`)).toBe("0");
    expect(await ssh(`sudo blkid --probe ${volume.place} || echo nothing`)).toBe("nothing");
    await ssh(`sudo rm -rf ${STATE}`);
  });

  it("a blank one gets a file system, is mounted, and is again after a reboot; done again, nothing changes", async () => {
    const { code, all } = await install();
    expect(code, all).toBe(0);
    expect(all).toContain(`${ID}: file system made, ${ID} mounted`);
    expect(await mounted()).toBe("ext4");
    expect(await ssh(`stat --format %U ${STATE}`)).toBe("redis");
    expect((await install()).all).not.toContain(ID);
    await ssh(`echo kept | sudo tee ${STATE}/kept`);
    const host = cluster.lab.host("redis-a");
    await host.powerLoss();
    await host.boot();
    await volume.attach(host);
    expect((await install()).all).toContain(`${ID} mounted`);
    expect(await ssh(`sudo cat ${STATE}/kept; grep -c ${STATE} /etc/fstab`)).toBe("kept\n1");
  });

  it.skipIf(!mayGrow)("one that has grown has its file system grow", async () => {
    await volume.grow(128);
    expect((await install()).all).toContain(`${ID}: file system grown`);
    expect(Number(await ssh(`df --output=size -k ${STATE} | tail -1`))).toBeGreaterThan(100_000);
    expect(await ssh(`sudo cat ${STATE}/kept`)).toBe("kept");
  });

  it("what another number of the same user owned on it belongs to the user", async () => {
    await ssh(`sudo chown -R 4711:4711 ${STATE} && sudo ln -s /etc/hostname ${STATE}/link`);
    expect((await install()).code).toBe(0);
    expect(await ssh(`sudo stat --format %U ${STATE} ${STATE}/kept /etc/hostname`)).toBe("redis\nredis\nroot");
  });

  it("is what the servers need, by their units", async () => {
    const units = await ssh(
      `systemctl show --property=RequiresMountsFor redis-ha-hosts-redis redis-ha-hosts-sentinel redis-ha-hosts-agent`,
    );
    expect(units.match(new RegExp(`RequiresMountsFor=.*${STATE}/hosts/redis-a`, "g"))).toHaveLength(3);
  });

  it("is unmounted when its node is retired, and mounted when it comes again", async () => {
    const { code, all } = await cluster.step("retire", "redis-a");
    expect(code, all).toBe(0);
    expect(all).toContain("data volume unmounted");
    expect(await mounted()).toBe("");
    expect((await install()).all).toContain(`${ID} mounted`);
    expect(await ssh(`sudo cat ${STATE}/kept`)).toBe("kept");
  });
});
