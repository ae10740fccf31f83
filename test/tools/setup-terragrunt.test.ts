import { execa } from "execa";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { findTerraform } from "../../tools/setup/binaries.mjs";
import { onPath } from "../../tools/setup/computer.mjs";
import { builtTerragrunt, pinnedTerragrunt, repositoryRoot } from "../../tools/setup/places.mjs";

const wrapper = path.join(repositoryRoot, "tools", "terragrunt", "bin.mjs");

let folder: string;
let tools: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-terragrunt-"));
  tools = path.join(folder, "tools");
  await mkdir(tools);
  env = { PATH: tools, HOME: folder, XDG_CACHE_HOME: path.join(folder, "cache") };
  await symlink((await findTerraform()).path, path.join(tools, "terraform"));
  for (const name of ["sh", "cat", "chmod", "sleep"]) {
    await symlink(onPath(name, process.env)[0] as string, path.join(tools, name));
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A Go whose build takes no minutes: it writes a Terragrunt that says its version and its arguments. */
async function giveGo({ version = pinnedTerragrunt(), takes = "true" } = {}) {
  const terragrunt = `#!/bin/sh\nif [ "$1" = --version ]; then echo "terragrunt version v${version}"; else echo "ran $*"; fi`;
  const go = `#!/bin/sh
if [ "$1" = version ]; then echo go version go1.99.0 linux/amd64; exit; fi
echo "$*" >> ${folder}/builds
${takes}
while [ "$1" != -o ]; do shift; done
cat > "$2" <<'END'
${terragrunt}
END
chmod 755 "$2"
`;
  await writeFile(path.join(tools, "go"), go, { mode: 0o755 });
}

const run = (...args: string[]) =>
  execa(process.execPath, [wrapper, ...args], { env, extendEnv: false, reject: false });
const builds = async () => (await readFile(path.join(folder, "builds"), "utf8")).trim().split("\n");

test("the first use of the wrapper builds Terragrunt, saying so on stderr, and the next one finds it", async () => {
  await giveGo();
  const first = await run("stack", "list");
  expect(first).toMatchObject({ exitCode: 0, stdout: "ran stack list" });
  expect(first.stderr).toContain(
    `Building Terragrunt ${pinnedTerragrunt()} with Go, as none is on PATH (once, about 5 minutes on 2 cores)`,
  );
  expect(await run("stack", "list")).toMatchObject({ exitCode: 0, stdout: "ran stack list", stderr: "" });
  expect(await builds()).toHaveLength(1);
  expect(await readdir(path.dirname(builtTerragrunt(env)))).toEqual(["terragrunt"]);
});

test("two first uses at once build once", async () => {
  await giveGo({ takes: "sleep 1" });
  const both = await Promise.all([run("a"), run("b")]);
  expect(both.map((it) => it.stdout).sort()).toEqual(["ran a", "ran b"]);
  expect(await builds()).toHaveLength(1);
});

test("a build of another version than the pinned one is not kept", async () => {
  await giveGo({ version: "9.9.9" });
  const outcome = await run("plan");
  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain(`reports 9.9.9, not ${pinnedTerragrunt()}`);
  expect(await readdir(path.dirname(builtTerragrunt(env)))).toEqual([]);
});

test("without Go the message says how to get one or the other", async () => {
  const outcome = await run("plan");
  expect(outcome).toMatchObject({ exitCode: 1, stdout: "" });
  expect(outcome.stderr).toMatch(
    /^One thing is missing on this computer:\n\n1\. Terragrunt >= 1\.1\.2: not on PATH; nor Go/,
  );
});

test("without Terraform nothing is built", async () => {
  await giveGo();
  await rm(path.join(tools, "terraform"));
  expect(await run("plan")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("Terraform >= 1.11 or OpenTofu >= 1.10: not on PATH") as string,
  });
  expect(existsSync(path.join(folder, "builds"))).toBe(false);
});

test("a build that is interrupted leaves nothing, and the exit status says so", async () => {
  await giveGo({ takes: "exec sleep 60" });
  const running = run("plan");
  await expect.poll(() => existsSync(path.join(folder, "builds")), { timeout: 10_000 }).toBe(true);
  running.kill("SIGTERM");
  expect((await running).exitCode).toBe(143);
  expect(await readdir(path.dirname(builtTerragrunt(env)))).toEqual([]);
  expect(await readdir(path.join(folder, "cache", "cdktf-redis-ha", "locks"))).toEqual([]);
});
