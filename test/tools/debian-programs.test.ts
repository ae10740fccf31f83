import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { debianPrograms, NoDebian } from "../../tools/servers/debian.ts";
import { programsOf, testedServers } from "../../tools/servers/tested.ts";

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), "redis ha it's "));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, XDG_CACHE_HOME: cache });

test("without apt-get the reason is given, and nothing is left behind", async () => {
  const env = { ...environment(), PATH: "/nonexistent" };
  for (const server of testedServers) {
    expect(await programsOf(server, env)).toEqual({
      missing: `not on PATH, and Debian ${server.release} cannot be asked: this computer has no apt-get`,
    });
  }
  expect(readdirSync(cache)).toEqual([]);
});

/** One download serves all questions about it. */
const one = debianPrograms.bind(undefined, "trixie", ["redis-tools"], { "redis-server": "usr/bin/redis-check-rdb" });
const refusal = await fetchable();

test.skipIf(refusal)(
  `two at once fetch one copy, which runs from the cache alone${refusal ? ` (SKIPPED: ${refusal})` : ""}`,
  async () => {
    const folder = path.join(cache, "cdktf-redis-ha", "debian");
    const killed = path.join(folder, ".unpacking-trixie-redis-tools.killed", "root");
    mkdirSync(killed, { recursive: true });
    const [bin, again] = await Promise.all([one(environment()), one(environment())]);
    expect(again).toBe(bin);
    const { stdout } = await execa(path.join(bin, "redis-server"), ["--version"], {
      env: { PATH: "" },
      extendEnv: false,
    });
    expect(stdout).toContain("v=8.0.");
    expect(readdirSync(folder), "what a killed one left").toEqual(["trixie-redis-tools"]);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
    const modes = files.map((it) => statSync(path.join(it.parentPath, it.name)).mode);
    expect(
      modes.filter((mode) => (mode & 0o6000) !== 0),
      "set-user-id programs",
    ).toEqual([]);
  },
);

test.skipIf(refusal)("what the archive does not have is named, and nothing is left behind", async () => {
  await expect(debianPrograms("trixie", ["no-such-package"], {}, environment())).rejects.toThrow(
    new NoDebian("apt-get says E: Unable to locate package no-such-package"),
  );
  expect(readdirSync(path.join(cache, "cdktf-redis-ha", "debian"))).toEqual([]);
});

/** The servers of the other suites are in the user's own cache, so that this costs nothing after the first time. */
async function fetchable(): Promise<string | undefined> {
  for (const server of testedServers.filter(({ release }) => release === "trixie")) {
    const programs = await programsOf(server);
    if ("missing" in programs) return programs.missing;
  }
  return undefined;
}
