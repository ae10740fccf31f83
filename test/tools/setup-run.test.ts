import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findTerraform, findTerragrunt } from "../../tools/setup/binaries.mjs";
import { onPath } from "../../tools/setup/computer.mjs";
import { builtTerragrunt, repositoryRoot } from "../../tools/setup/places.mjs";

/** The user "nobody", so that a run as root can show what others see. */
const nobody = 65534;
const isRoot = process.getuid?.() === 0;
const setup = path.join(repositoryRoot, "tools", "setup.mjs");

let folder: string;
let tools: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-run-"));
  tools = path.join(folder, "tools");
  await mkdir(tools);
  await mkdir(path.join(folder, "cache"));
  await chmod(folder, 0o755);
  env = { PATH: tools, HOME: folder, XDG_CACHE_HOME: path.join(folder, "cache") };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Puts programs of this computer on the PATH of the runs. */
async function give(...names: string[]) {
  for (const name of names) {
    const [real] = onPath(name, process.env);
    if (!real) throw new Error(`${name} is not on PATH here`);
    await symlink(real, path.join(tools, name));
  }
}

async function giveEverything() {
  await give("redis-server", "redis-sentinel");
  await symlink((await findTerraform()).path, path.join(tools, "terraform"));
  await mkdir(path.dirname(builtTerragrunt(env)), { recursive: true });
  await symlink((await findTerragrunt()).path, builtTerragrunt(env));
}

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(script: string, args: string[] = [], uid?: number): Promise<Run> {
  const child = spawn(process.execPath, [script, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const result: Run = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (result.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (result.stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...result, code }));
  });
}

/** A clone without node_modules, readable by every user. */
async function cloneOfSetup(): Promise<string> {
  const clone = path.join(folder, "clone");
  await mkdir(clone);
  for (const it of ["tools/setup", "tools/setup.mjs", "tools/go.mod", "package.json"]) {
    await cp(path.join(repositoryRoot, it), path.join(clone, it), { recursive: true });
  }
  await writeFile(path.join(clone, "package-lock.json"), JSON.stringify({ packages: {} }));
  return path.join(clone, "tools", "setup.mjs");
}

describe("with everything there", () => {
  beforeEach(giveEverything);

  test("it says nothing and changes nothing", async () => {
    expect(await run(setup)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await readdir(path.join(folder, "cache", "cdktf-redis-ha"))).toEqual(["terragrunt"]);
  });

  test("--check lists what is there", async () => {
    const { code, stdout } = await run(setup, ["--check"]);
    expect(code).toBe(0);
    expect(stdout.match(/^here {5}\S+/gm)).toHaveLength(6);
  });

  test("without Terragrunt it is ready where Terragrunt is missing", async () => {
    await rm(path.join(folder, "cache"), { recursive: true });
    expect(await run(setup, ["--without-terragrunt"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await run(setup)).toMatchObject({ code: 1 });
    expect(await readdir(folder)).not.toContain("cache");
  });

  test("an unknown argument is wrong use", async () => {
    expect(await run(setup, ["--chek"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--chek") as string,
    });
  });
});

describe("with nothing there", () => {
  test("one message lists all of it, and nothing is begun", async () => {
    const { code, stdout, stderr } = await run(await cloneOfSetup());
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr.match(/^\d\. .*?(?=:)/gm)).toEqual([
      "1. redis-server and redis-sentinel >= 7.0",
      "2. npm",
      "3. Terraform >= 1.11 or OpenTofu >= 1.10",
      "4. Terragrunt >= 1.1.2",
    ]);
    expect(await readdir(path.join(folder, "cache"))).toEqual([]);
  });

  test("--check changes nothing, and its exit code says that something is missing", async () => {
    const { code, stdout } = await run(await cloneOfSetup(), ["--check"]);
    expect(code).toBe(1);
    expect(stdout).toContain("4 things are missing on this computer:");
    expect(await readdir(path.join(folder, "cache"))).toEqual([]);
    expect(await readdir(path.join(folder, "clone"))).not.toContain("node_modules");
  });
});

test("a failed npm ci is shown by its last lines, and leaves no lock", async () => {
  await giveEverything();
  await give("sh", "env", "node");
  await writeFile(path.join(tools, "npm"), '#!/bin/sh\necho "npm error $*"\nexit 7\n', { mode: 0o755 });
  const { code, stderr } = await run(await cloneOfSetup());
  expect(code).toBe(1);
  expect(stderr).toContain("Installing npm packages (once, about 1 minute)");
  expect(stderr).toContain("npm ci failed with exit code 7. Its last lines:\n  npm error ci --ignore-scripts");
  expect(stderr).toContain("It is safe to run the same command again.");
  expect(await readdir(path.join(folder, "cache", "cdktf-redis-ha", "locks"))).toEqual([]);
});

test("cdktf's terminals are compiled where npm has none for this computer, without installing again", async () => {
  await giveEverything();
  await give("sh", "env", "node");
  const script = await cloneOfSetup();
  const terminals = path.join(folder, "clone", "node_modules", "@cdktf", "node-pty-prebuilt-multiarch");
  await mkdir(terminals, { recursive: true });
  await writeFile(path.join(folder, "clone", "node_modules", ".package-lock.json"), JSON.stringify({ packages: {} }));
  const called = path.join(folder, "npm-called");
  const npm = `#!/bin/sh\necho "$* from source: $npm_config_build_from_source" >> ${called}\n`;
  await writeFile(path.join(tools, "npm"), npm, { mode: 0o755 });
  const { code, stderr } = await run(script);
  expect(code).toBe(1);
  expect(stderr).toContain("Compiling cdktf's terminals");
  expect(await readFile(called, "utf8")).toBe(
    "rebuild --ignore-scripts=false @cdktf/node-pty-prebuilt-multiarch from source: true\n",
  );
  expect(stderr).toContain("npm ended well, but @cdktf/node-pty-prebuilt-multiarch is not compiled for");
});

// Debian's package tools are needed to see what Debian's users are told.
const onDebian = onPath("apt-get", process.env).length > 0;

test.runIf(onDebian && isRoot)("a user who is not root gets the exact command for Redis", async () => {
  await giveEverything();
  await rm(path.join(tools, "redis-sentinel"));
  await give("apt-get", "apt-cache", "dpkg");
  const script = await cloneOfSetup();
  const { code, stderr } = await run(script, [], nobody);
  expect(code).toBe(1);
  expect(stderr).toContain("     sudo apt-get install redis-server redis-sentinel\n");
  expect(stderr).toMatch(/sudo (systemctl disable --now redis-server redis-sentinel|service \$it stop)/);
  const asRoot = await run(script, ["--check"]);
  expect(asRoot.stdout).toContain("to do    redis-server and redis-sentinel from this system's packages");
});

test.runIf(onDebian && isRoot)("root is told beforehand when the distribution's Redis is too old", async () => {
  await giveEverything();
  await rm(path.join(tools, "redis-server"));
  await give("apt-get", "dpkg");
  const offers = "  Candidate: 5:6.0.16-1\n";
  await writeFile(path.join(tools, "apt-cache"), `#!/bin/sh\necho "${offers}${offers}"\n`, { mode: 0o755 });
  const { code, stderr } = await run(await cloneOfSetup());
  expect(code).toBe(1);
  expect(stderr).toContain("# your system's packages have only 6.0.16");
});
