import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { candidateIn, enabledServices, redisPackageStates } from "../../tools/setup/debian.mjs";
import { repositoryRoot } from "../../tools/setup/places.mjs";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-debian-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("what dpkg says about the Redis packages", () => {
  const status = [
    "Package: redis-server-extras\nStatus: install ok installed\nVersion: 1\n",
    "Package: redis-server\nStatus: install ok unpacked\nPriority: optional\n",
    "Package: zlib1g\nStatus: install ok installed\nSource: redis-sentinel\n",
  ].join("\n");
  expect(Object.fromEntries(redisPackageStates(status))).toEqual({
    "redis-server": "unpacked",
    "redis-sentinel": "not-installed",
  });
  const removed = "Package: redis-sentinel\nStatus: deinstall ok config-files\n";
  expect(redisPackageStates(removed).get("redis-sentinel")).toBe("config-files");
});

test.each([
  ["both offered", ["5:7.0.15-1~deb12u10", "5:7.0.15-1~deb12u10"], "7.0.15"],
  ["the older one counts", ["5:7.0.15-1", "5:6.0.16-1"], "6.0.16"],
  ["one not offered", ["5:7.0.15-1", "(none)"], null],
  ["one unknown", ["5:7.0.15-1"], null],
  ["empty lists", [], null],
])("what the distribution offers: %s", (_, candidates, version) => {
  const policy = candidates.map((it) => `redis:\n  Installed: (none)\n  Candidate: ${it}\n  Version table:\n`).join("");
  expect(candidateIn(policy)).toBe(version);
});

test("links that start a service at boot are found, for systemd and for System V", async () => {
  const links = {
    "etc/systemd/system/multi-user.target.wants/redis-server.service": "/lib/systemd/system/redis-server.service",
    "etc/systemd/system/multi-user.target.wants/redis-exporter.service": "/lib/systemd/system/redis-exporter.service",
    "etc/systemd/system/redis.service": "/lib/systemd/system/redis-server.service",
    "etc/rc3.d/S01redis-sentinel": "../init.d/redis-sentinel",
    "etc/rc3.d/K01redis-server": "../init.d/redis-server",
  };
  for (const [link, target] of Object.entries(links)) {
    await mkdir(path.dirname(path.join(folder, link)), { recursive: true });
    await symlink(target, path.join(folder, link));
  }
  const names = enabledServices(folder, ["redis-server", "redis-sentinel"]).map((link) => path.relative(folder, link));
  expect(names).toEqual([
    "etc/systemd/system/multi-user.target.wants/redis-server.service",
    "etc/rc3.d/S01redis-sentinel",
  ]);
  expect(enabledServices(path.join(folder, "elsewhere"), ["redis-server"])).toEqual([]);
});

/** What a package's own scripts call, as Debian 12 and 13 do, and what then reaches Debian's tool. */
describe("while set-up installs redis-sentinel", () => {
  const inFront = path.join(repositoryRoot, "tools", "setup", "no-autostart");

  async function ask(command: string) {
    for (const tool of ["invoke-rc.d", "deb-systemd-invoke", "deb-systemd-helper", "update-rc.d"]) {
      await writeFile(path.join(folder, tool), `#!/bin/sh\necho ${tool} "$@"\n`, { mode: 0o755 });
    }
    const env = { PATH: `${inFront}:${folder}:/usr/bin:/bin`, REDIS_STAYS_OFF: "redis-sentinel" };
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `${command}; echo "exit $?"`], { env });
    return stdout.trim().split("\n");
  }

  test.each([
    ["invoke-rc.d --skip-systemd-native redis-sentinel start", ["exit 0"]],
    ["deb-systemd-invoke start 'redis-sentinel.service'", ["exit 0"]],
    ["deb-systemd-helper --quiet was-enabled 'redis-sentinel.service'", ["exit 1"]],
    ["deb-systemd-helper enable 'redis-sentinel.service'", ["exit 0"]],
    ["update-rc.d redis-sentinel defaults", ["update-rc.d redis-sentinel defaults-disabled", "exit 0"]],
    [
      "deb-systemd-helper update-state 'redis-sentinel.service'",
      ["deb-systemd-helper update-state redis-sentinel.service", "exit 0"],
    ],
  ])("it stays off: %s", async (command, answers) => {
    expect(await ask(command)).toEqual(answers);
  });

  test.each([
    "invoke-rc.d --skip-systemd-native redis-server restart",
    "deb-systemd-invoke restart redis-server.service",
    "deb-systemd-helper --quiet was-enabled redis-server.service",
    "deb-systemd-helper enable postgresql.service",
    "update-rc.d postgresql defaults",
  ])("another package is served: %s", async (command) => {
    expect(await ask(command)).toEqual([command, "exit 0"]);
  });
});
