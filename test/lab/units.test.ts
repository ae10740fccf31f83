import os from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { HostCluster } from "../support/host-cluster.ts";

/** One line of `systemd-analyze security`: what is not closed has an exposure. */
interface Finding {
  readonly name: string;
  readonly exposure: string | null;
}

/** The units of a node on a real host: what they may do, and that everything works although they may do no more. */
describeWithHosts("the units of a node", { timeout: 180_000 }, () => {
  let cluster: HostCluster;
  beforeAll(async () => {
    cluster = await HostCluster.up("test-units");
  }, 240_000);
  afterAll(() => cluster?.down());

  it("a maxmemory that the host cannot hold is refused before anything is changed", async () => {
    const more = os.totalmem();
    const spec = cluster.spec("redis-a").replace("maxmemory 104857600", `maxmemory ${more}`);
    for (const verb of ["install", "apply"]) {
      const { code, all } = await cluster.step(verb, "redis-a", {}, { REDIS_HA_SPEC: spec });
      expect(code).toBe(1);
      const mib = Math.floor(more / 1024 ** 2);
      expect(all).toMatch(
        new RegExp(`maxmemory \\d+ MiB needs \\d+ MiB of memory.*the host has ${mib} MiB.*The node was not touched`),
      );
    }
    const found = await cluster.onHost(
      "redis-a",
      "ls -d /var/lib/redis-ha /etc/systemd/system/redis-ha* /etc/sysctl.d/*redis*; :",
    );
    expect(found).toBe("");
  });

  describe("of a cluster that holds", () => {
    beforeAll(async () => {
      await cluster.apply();
      await cluster.holds();
    }, 180_000);

    /** What a unit leaves open, by the names of systemd-analyze. */
    async function open(unit: string): Promise<string[]> {
      const command = `systemd-analyze security --offline=yes --json=short ${unit}`;
      const findings = JSON.parse(await cluster.onHost("redis-a", command)) as Finding[];
      return findings.flatMap(({ name, exposure }) => (exposure === null ? [] : [name])).sort();
    }

    it("servers leave less open than Debian's own units do, and the agent two things more", async () => {
      const ours = await open("/etc/systemd/system/redis-ha-hosts-redis.service");
      expect(await open("/etc/systemd/system/redis-ha-hosts-sentinel.service")).toEqual(ours);
      for (const unit of ["redis-server", "redis-sentinel"]) {
        expect(await open(`/usr/lib/systemd/system/${unit}.service`)).toEqual([...ours, "UMask="].sort());
      }
      const agent = await open("/etc/systemd/system/redis-ha-hosts-agent.service");
      expect(agent).toEqual([...ours, "MemoryDenyWriteExecute=", "ProtectProc="].sort());
    });

    it.each(["agent", "redis", "sentinel"])("systemd has understood what the unit of the %s says", async (unit) => {
      const wanted = {
        ...{ User: "redis", Group: "redis", UMask: "0077", LimitCORE: "0", LimitCORESoft: "0" },
        ...{ NoNewPrivileges: "yes", CapabilityBoundingSet: "", AmbientCapabilities: "" },
        ...{ ProtectSystem: "strict", ReadWritePaths: "/var/lib/redis-ha", ProtectHome: "yes", NoExecPaths: "/" },
        ...{ PrivateTmp: "yes", PrivateDevices: "yes", PrivateUsers: "yes", EnvironmentFiles: "" },
        ExecPaths: `/usr/lib /lib ${unit === "agent" ? "/usr/bin/node " : ""}/usr/bin/redis-server`,
        ProtectProc: unit === "agent" ? "default" : "invisible",
        MemoryDenyWriteExecute: unit === "agent" ? "no" : "yes",
      };
      const shown = await cluster.onHost("redis-a", `systemctl show --all redis-ha-hosts-${unit}`);
      const all = new Map(
        shown.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      // Without EnvironmentFiles=, systemd shows no such line.
      const of = (key: string): string | undefined => all.get(key) ?? (key === "EnvironmentFiles" ? "" : undefined);
      expect(Object.fromEntries(Object.keys(wanted).map((key) => [key, of(key)]))).toEqual(wanted);
    });

    it("a server can execute nothing but itself, and write nowhere but in its folder", async () => {
      // As systemd-run would start a shell with the same settings: redis-server itself starts none.
      const inside = (script: string): string =>
        `nsenter --mount --target $(systemctl show -p MainPID --value redis-ha-hosts-redis) ${script} 2>&1 || true`;
      expect(await cluster.onHost("redis-a", inside("/bin/sh -c 'echo ran'"))).toContain("Permission denied");
      expect(await cluster.onHost("redis-a", inside("/usr/bin/redis-server --version"))).toContain("Redis server v=");
      const readOnly = "findmnt --noheadings --output OPTIONS --target /etc --task";
      const pid = "$(systemctl show -p MainPID --value redis-ha-hosts-redis)";
      expect(await cluster.onHost("redis-a", `${readOnly} ${pid}`)).toMatch(/^ro,/);
    });

    it("snapshots and rewrites of the append-only file, which fork, go through", async () => {
      const master = await cluster.master();
      const cli = (...words: string[]) => cluster.lab.exec([...cluster.redisCli(master), ...words]);
      await cli("set", "key", "value");
      await cli("bgrewriteaof");
      await expect.poll(async () => (await cli("info", "persistence")).stdout).toContain("aof_rewrite_in_progress:0");
      await cli("bgsave");
      await expect.poll(async () => (await cli("info", "persistence")).stdout).toContain("rdb_bgsave_in_progress:0");
      const { stdout } = await cli("info", "persistence");
      expect(stdout).toContain("aof_last_bgrewrite_status:ok");
      expect(stdout).toContain("rdb_last_bgsave_status:ok");
      expect(stdout).toMatch(/rdb_saves:[1-9]/);
    });

    it("hooks run as the service user without a privilege, see the servers, and hand the role over", async () => {
      const former = await cluster.master();
      // The unit's own words, with a program that shows what it may.
      const hook = `systemctl cat redis-ha-hosts-redis | sed -n 's/^ExecStop=+\\(.*\\) .usr.bin.node .*/\\1/p'`;
      const may = await cluster.onHost(former, `$(${hook}) cat /proc/self/status`);
      const uid = await cluster.onHost(former, "id --user redis");
      expect(may).toContain(`Uid:\t${uid}\t${uid}`);
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd"]) expect(may).toContain(`${set}:\t0000000000000000`);
      expect(may).toContain("NoNewPrivs:\t1");

      await cluster.onHost(former, "systemctl restart redis-ha-hosts-redis");
      expect(await cluster.master()).not.toBe(former);
      const journal = await cluster.onHost(former, "journalctl --no-pager --output=cat -u 'redis-ha-hosts-*'");
      expect(journal).toContain("master's role handed over to");
      expect(journal).not.toMatch(/warning|denied|not permitted/i);
      await cluster.holds();
    });

    it("a boot reads the kernel's settings as the last word on each, and tells itself from the one before", async () => {
      const host = cluster.lab.host("redis-a");
      const boot = await cluster.onHost("redis-a", "cat /run/redis-ha-boot");
      await host.poweroff();
      await host.boot();
      expect(await cluster.onHost("redis-a", "cat /run/redis-ha-boot")).not.toBe(boot);
      // A container cannot set them; this is what systemd sets on a machine.
      const settings = (await cluster.onHost("redis-a", "systemd-analyze cat-config --tldr sysctl.d")).split("\n");
      for (const setting of ["vm.overcommit_memory = 1", "vm.swappiness = 1", "net.core.somaxconn = 4096"]) {
        const key = setting.split("=")[0] ?? "";
        expect(settings.filter((line) => line.startsWith(key)).at(-1)).toBe(setting);
      }
      await cluster.holds();
    });

    it("root follows no link that the service user has planted, and writes nothing into its folder", async () => {
      const node = "redis-c";
      const folder = `/var/lib/redis-ha/hosts/${node}`;
      const root = (command: string): Promise<string> => cluster.onHost(node, command);
      const planted = (script: string): Promise<string> =>
        root(`setpriv --reuid=redis --regid=redis --clear-groups sh -c 'cd /var/lib/redis-ha && ${script}'`);
      const victims = async (): Promise<string> =>
        root(
          "cd /root/victims && find . -printf '%M %U %T@ %p\\n' | sort && cat secret; sha256sum /etc/victim /etc/passwd",
        );
      /** Whatever root might have put there, of its own or of what only it can read. */
      const leaked = (): Promise<string> =>
        root("find /var/lib/redis-ha ! -user redis; grep -rls only-for-root /var/lib/redis-ha /tmp /var/tmp; :");
      const units = "redis-ha-hosts-agent redis-ha-hosts-sentinel redis-ha-hosts-redis";
      const restart = (): Promise<string> => root(`timeout 5 systemctl restart ${units} 2>&1; :`);
      await root(
        "mkdir -m 700 /root/victims && echo only-for-root >/root/victims/secret && chmod 600 /root/victims/secret && " +
          "echo of-root >/etc/victim",
      );
      const before = await victims();

      // Beside all that is there, under each name that something might be written to first; and what comes later.
      await planted(
        `cd ${folder}; ` +
          "for file in $(find . -type f); do for end in tmp redis-ha.tmp new swp; do ln -s /root/victims/made $file.$end; done; done; " +
          "for name in retired.json elected core log/agent.log.1 log/redis.log.1 bin/redis-ha.cjs redis/core secrets/made; do " +
          "ln -s /root/victims/made $name; done; ln -s /root/victims/made /var/lib/redis-ha/core",
      );
      for (const verb of ["apply", "retire", "apply"]) {
        const { code, all } = await cluster.step(verb, node);
        expect(code, all).toBe(0);
      }
      const { code, all } = await cluster.redisHa("converge", "--zone", "c");
      expect(code, all).toBe(0);
      await restart();
      await cluster.holds();
      expect([await victims(), await leaked()]).toEqual([before, ""]);

      // In place of all that is there: files, folders, and the way to them.
      for (const plant of [
        `cd ${folder} && for file in $(find . -type f); do ln -sf /root/victims/secret $file; done`,
        `cd ${folder} && for name in $(ls -d */); do rm -rf $name && ln -s /root/victims \${name%/}; done`,
        "rm -rf hosts && ln -s /root/victims hosts",
      ]) {
        await planted(plant);
        await restart();
        expect((await cluster.step("apply", node)).code, plant).toBe(1);
        await cluster.step("retire", node);
        expect([await victims(), await leaked()], plant).toEqual([before, ""]);
        // They would try it again all the time.
        await root(`systemctl stop ${units}`);
      }
      expect((await cluster.redisHa("converge", "--zone", "c")).code).toBe(1);
      const host = cluster.lab.host(node);
      await host.poweroff();
      await host.boot();
      expect([await victims(), await leaked()]).toEqual([before, ""]);
    }, 240_000);
  });
});
