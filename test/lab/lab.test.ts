import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { processStart } from "../../agent/processes.ts";
import type { Direction, Host } from "../../tools/lab/host.ts";
import { downLab, Lab } from "../../tools/lab/lab.ts";
import { describeWithHosts, leftOf } from "../support/debian-hosts.ts";

const name = "test-lab";
const bareName = "test-lab-bare";
/** A unit that leaves a mark when it is stopped, and none when it is killed. */
const witness =
  "systemd-run --quiet --unit=witness --property=ExecStop='/usr/bin/touch /var/lib/stopped' sleep infinity";

describeWithHosts("a lab of two hosts", () => {
  let lab: Lab;
  let a: Host;
  let b: Host;

  beforeAll(async () => {
    await downLab(name);
    lab = await Lab.up({ name, hosts: 2 });
    [a, b] = lab.hosts as [Host, Host];
  });
  afterAll(async () => {
    await lab?.down();
    expect(leftOf(name)).toEqual([]);
  });

  /** Whether a datagram that `from` sends arrives at `to`: one direction, unlike a connection. */
  async function arrives(from: Host, to: Host): Promise<boolean> {
    const receive = `const udp = require("node:dgram").createSocket("udp4");
      udp.once("message", () => (console.log("arrived"), process.exit())).bind(7000);
      setTimeout(() => process.exit(), 2500);`;
    const send = `const udp = require("node:dgram").createSocket("udp4");
      setInterval(() => udp.send("x", 7000, "${to.address}", () => undefined), 50);
      setTimeout(() => process.exit(), 2000);`;
    const [received] = await Promise.all([to.run(["node", "-e", receive]), from.run(["node", "-e", send])]);
    return received === "arrived";
  }

  it("takes admin and root in by the lab's key, knows each host's key, and lets admin be root", async () => {
    for (const { name: host } of lab.hosts) {
      expect(await lab.ssh(host, "hostname; id -un; sudo -n id -un; . /etc/os-release; echo $VERSION_CODENAME")).toBe(
        `${host}\nadmin\nroot\ntrixie`,
      );
      expect(await lab.ssh(host, "id -un; systemctl is-system-running", { user: "root" })).toBe("root\nrunning");
    }
  });

  it("has the servers and Node, and runs none of Debian's own services", async () => {
    expect(await a.run(["sh", "-c", "redis-server --version; valkey-server --version; node --version"])).toMatch(
      /^Redis server v=8\..*\nValkey server v=8\..*\nv20\./,
    );
    const units = ["redis-server", "redis-sentinel", "valkey-server", "valkey-sentinel"];
    const states = await a.run(["sh", "-c", `systemctl is-enabled ${units.join(" ")} || true`]);
    expect(states.split("\n")).toEqual(units.map(() => "masked"));
  });

  it("has no way out", async () => {
    const routes = ["ip", "route", "show"];
    for (const shown of [(await lab.exec(routes)).stdout, await a.run(routes)]) {
      expect(shown).toMatch(/^10\.77\.0\.0\/24 dev \S+ [^\n]*$/);
    }
  });

  it("names a host's processes while units come and go there", async () => {
    const churn = a.run(["sh", "-c", "for i in $(seq 30); do systemd-run --quiet --wait true; done"]);
    let over = false;
    void churn.finally(() => (over = true)).catch(() => undefined);
    while (!over) {
      for (let look = 0; look < 100; look++) expect(a.pids()).toContain(a.pid());
      expect(await a.state()).toBe("running");
    }
    await churn;
  });

  it("refuses a host that has another key than it had", async () => {
    const key = "/etc/ssh/ssh_host_ed25519_key";
    const restart = async (): Promise<unknown> => a.run(["systemctl", "restart", "ssh"]);
    await a.run(["cp", "-a", key, `${key}.kept`]);
    onTestFinished(async () => {
      await a.run(["mv", `${key}.kept`, key]);
      await restart();
    });
    fs.copyFileSync(path.join(b.root, key), path.join(a.root, key));
    await restart();
    await expect(lab.ssh("redis-a", "true")).rejects.toThrow("Host key verification failed");
  });

  it("keeps a host's files over a power loss, of which nothing on the host hears", async () => {
    await a.run(["sh", "-c", `${witness} && echo kept >/var/lib/kept && touch /run/lost`]);
    const id = await a.run(["cat", "/etc/machine-id"]);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const pids = a.pids();
    expect(pids).toContain(a.pid());
    expect(pids.length).toBeGreaterThan(5);

    await a.powerLoss();
    expect(pids.filter((pid) => processStart(pid) !== undefined)).toEqual([]);
    expect([a.pid(), await a.state(), await b.state()]).toEqual([undefined, "off", "running"]);

    await a.boot();
    expect(
      await lab.ssh("redis-a", "cat /var/lib/kept /etc/machine-id; ls /run/lost /var/lib/stopped 2>&1; true"),
    ).toBe(
      [
        "kept",
        id,
        ...["/run/lost", "/var/lib/stopped"].map((it) => `ls: cannot access '${it}': No such file or directory`),
      ].join("\n"),
    );
  });

  it("powers a host off cleanly: what runs there is stopped first", async () => {
    await b.run(["sh", "-c", witness]);
    await b.poweroff();
    expect(fs.existsSync(path.join(b.root, "var/lib/stopped"))).toBe(true);
    expect([b.pid(), await b.state()]).toEqual([undefined, "off"]);
    await b.boot();
    expect(await lab.ssh("redis-b", "systemctl is-system-running")).toBe("running");
  });

  it.each<[Direction, boolean, boolean]>([
    ["both", false, false],
    ["in", true, false],
    ["out", false, true],
  ])("cuts a host off: %s", async (direction, sends, receives) => {
    onTestFinished(() => a.uncut());
    await a.cut(direction);
    expect([await arrives(a, b), await arrives(b, a)]).toEqual([sends, receives]);
    await expect(lab.ssh("redis-a", "true", { timeoutMs: 2000 })).rejects.toThrow();
    await a.uncut();
    expect(await lab.ssh("redis-a", "echo here")).toBe("here");
  });

  it("is left as it is by another up, which switches on what is off and refuses another description", async () => {
    const pid = a.pid();
    await b.powerLoss();
    const again = await Lab.up({ name, hosts: 2 });
    expect(again.host("redis-a").pid()).toBe(pid);
    expect(await again.host("redis-b").state()).toBe("running");
    await expect(Lab.up({ name, hosts: 1 })).rejects.toThrow(
      "lab test-lab is up with 2 hosts of trixie, image packages",
    );
  });

  it("has a neighbour with the same addresses, a bare host, which installs the servers without a network", async () => {
    await downLab(bareName);
    onTestFinished(async () => {
      await downLab(bareName);
      expect(leftOf(bareName)).toEqual([]);
    });
    const bare = await Lab.up({ name: bareName, hosts: 1, image: "bare" });
    const programs = "command -v redis-server redis-cli valkey-server node; true";
    expect(await bare.ssh("redis-a", programs)).toBe("");
    expect(bare.host("redis-a").address).toBe(a.address);
    const install =
      "sudo systemctl --quiet mask redis-server && sudo apt-get update && sudo apt-get install -y redis-server nodejs";
    await bare.ssh("redis-a", `(${install}) 2>&1`);
    expect(await bare.ssh("redis-a", programs)).toBe("/usr/bin/redis-server\n/usr/bin/redis-cli\n/usr/bin/node");
    expect(await lab.ssh("redis-a", "test -e /var/lib/kept && echo ours")).toBe("ours");
  });
});
