import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeIndex } from "../../tools/lab/repository.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

/** A bare host, and what may stand in the way of its packages. In this order: each step leaves what the next one begins with. */
describeWithHosts("the packages of a host", { timeout: 180_000 }, () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-install", {}, { hosts: 1, image: "bare" });
  }, 300_000);
  afterAll(() => cluster?.down());
  const onHost = (command: string): Promise<string> => cluster.onHost("redis-a", command);
  const install = () => cluster.step("install", "redis-a");
  const version = () => onHost("dpkg-query --show --showformat='${Version}' redis-server 2>/dev/null; :");

  /** Has the folder of packages say whose they are. */
  const signAs = (origin: string): Promise<string> =>
    onHost(
      `cd /opt/packages && { printf 'Origin: ${origin}\\nCodename: trixie\\nSHA256:\\n'; ` +
        `printf ' %s %s Packages\\n' $(sha256sum <Packages | cut -d' ' -f1) $(wc -c <Packages); } >Release && rm -r /var/lib/apt/lists && apt-get update`,
    );

  it("a source that does not answer is named within its time, and nothing is installed", async () => {
    await onHost("mv /etc/apt/sources.list /root && rm -r /var/lib/apt/lists");
    await onHost("echo 'deb http://10.77.0.99/debian trixie main' >/etc/apt/sources.list");
    const begin = Date.now();
    const { code, all } = await install();
    expect(code).toBe(1);
    expect(all).toMatch(/redis-a: .*nodejs could not be installed/);
    expect(all).toContain("a package source of the host does not answer");
    expect(Date.now() - begin).toBeLessThan(100_000);
    await onHost("mv /root/sources.list /etc/apt && apt-get update");
  });

  it("what would come from somebody else is refused", async () => {
    await signAs("Elsewhere");
    const { code, all } = await install();
    expect(code).toBe(1);
    expect(all).toMatch(/redis-server would be \S+ from file:\/opt\/packages .*, and not Debian trixie's own/);
    expect(await version()).toBe("");
  });

  it("a full disk is named", async () => {
    await signAs("Debian");
    await onHost("mount -t tmpfs -o size=64k,nr_inodes=2 tmpfs /usr/share/doc");
    const { code, all } = await install();
    expect(code).toBe(1);
    expect(all).toContain("the disk is full: make room");
    await onHost("umount /usr/share/doc");
  });

  it("then the release's own version is installed, although somebody else has a higher one, and nothing is started", async () => {
    const control =
      "Package: redis-server\nVersion: 9:9.0\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n";
    await onHost(`mkdir -p /opt/newer /tmp/newer/DEBIAN && echo '${control}' >/tmp/newer/DEBIAN/control`);
    await onHost("dpkg-deb --build /tmp/newer /opt/newer/redis-server.deb");
    await writeIndex(path.join(cluster.lab.host("redis-a").root, "opt/newer"));
    await onHost("chmod -R a+rX /opt/newer; echo 'deb [trusted=yes] file:/opt/newer ./' >>/etc/apt/sources.list");
    await onHost("apt-get update");
    expect(await onHost("apt-cache policy redis-server")).toContain("9:9.0");
    const { code, all } = await install();
    expect(code, all).toBe(0);
    expect(all).toContain("redis-server, redis-sentinel, redis-tools installed");
    expect(await version()).toMatch(/^5:8\.0\./);
    expect(await onHost("systemctl is-active redis-server redis-sentinel; :")).toBe("inactive\ninactive");
  });

  it("what is there from somebody else is used, and named", async () => {
    await onHost("rm /etc/apt/preferences.d/redis-ha");
    await signAs("Elsewhere");
    const { code, all } = await install();
    expect(code, all).toBe(0);
    expect(all).toMatch(/redis-server is 5:8\S+ from file:\/opt\/packages .*it is used/);
  });
});
