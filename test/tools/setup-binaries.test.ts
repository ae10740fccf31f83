import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findRedis, findTerraform, findTerragrunt, searchGo, toolEnvironment } from "../../tools/setup/binaries.mjs";
import { isWrapper } from "../../tools/setup/computer.mjs";
import { builtTerragrunt, pinnedTerragrunt } from "../../tools/setup/places.mjs";

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-binaries-"));
  env = {
    PATH: ["first", "second"].map((name) => path.join(folder, name)).join(":"),
    XDG_CACHE_HOME: `${folder}/cache`,
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that only says which version it is: other versions than this computer's cannot be had otherwise. */
async function program(file: string, says: string): Promise<string> {
  const full = path.join(folder, file);
  await mkdir(path.dirname(full), { recursive: true });
  await writeFile(full, `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
  return full;
}

describe("Terraform", () => {
  test("terraform is taken before tofu", async () => {
    await program("first/tofu", "OpenTofu v1.10.6");
    const file = await program("second/terraform", "Terraform v1.11.0");
    expect(await findTerraform(env)).toEqual({ path: file, name: "terraform", version: "1.11.0" });
  });

  test("one that is too old makes way for tofu", async () => {
    await program("first/terraform", "Terraform v1.5.7");
    const file = await program("second/tofu", "OpenTofu v1.10.0");
    expect(await findTerraform(env)).toEqual({ path: file, name: "tofu", version: "1.10.0" });
  });

  test("none that serves is an error that names what is there", async () => {
    const file = await program("first/terraform", "Terraform v1.5.7");
    await expect(findTerraform(env)).rejects.toThrow(`${file} is 1.5.7`);
  });

  test.each(["TERRAFORM_BINARY_NAME", "TG_TF_PATH"])("%s is obeyed, by name and by path", async (variable) => {
    await program("first/terraform", "Terraform v1.11.0");
    const file = await program("second/my-tofu", "OpenTofu v1.10.1");
    const expected = { path: file, name: "tofu", version: "1.10.1" };
    expect(await findTerraform({ ...env, [variable]: "my-tofu" })).toEqual(expected);
    expect(await findTerraform({ ...env, [variable]: file })).toEqual(expected);
  });

  test("a variable that names nothing is an error, even with a terraform on PATH", async () => {
    await program("first/terraform", "Terraform v1.11.0");
    const wrong = { ...env, TERRAFORM_BINARY_NAME: "terrafrom" };
    await expect(findTerraform(wrong)).rejects.toThrow("TERRAFORM_BINARY_NAME=terrafrom is set, but names no program");
  });

  test("two variables that name different programs are an error", async () => {
    const one = await program("first/terraform", "Terraform v1.11.0");
    const other = await program("first/tofu", "OpenTofu v1.10.0");
    const split = { ...env, TERRAFORM_BINARY_NAME: one, TG_TF_PATH: other };
    await expect(findTerraform(split)).rejects.toThrow("name different programs");
    expect(await findTerraform({ ...split, TG_TF_PATH: one })).toMatchObject({ path: one });
  });
});

describe("Terragrunt", () => {
  test("a wrapper that npm linked is passed over, also when it says it is new enough", async () => {
    await program("project/node_modules/.bin/terragrunt", "terragrunt version v9.9.9");
    const real = await program("second/terragrunt", "terragrunt version v1.1.2");
    const withWrapper = { ...env, PATH: `${folder}/project/node_modules/.bin:${env.PATH}` };
    expect(await findTerragrunt(withWrapper)).toEqual({ path: real, version: "1.1.2" });
  });

  test("a link into the repository leads to a wrapper, also from outside of node_modules", async () => {
    const wrapper = await program("clone/tools/terragrunt/bin.mjs", "terragrunt version v9.9.9");
    const real = await program("first/terragrunt", "terragrunt version v1.1.2");
    await symlink(wrapper, path.join(folder, "link"));
    expect(isWrapper(path.join(folder, "link"), path.join(folder, "clone"))).toBe(true);
    expect(isWrapper(real, path.join(folder, "clone"))).toBe(false);
  });

  test("PATH is taken before the cache, the cache before one that is too old", async () => {
    const built = path.relative(folder, builtTerragrunt(env));
    await program(built, "not asked");
    await program("first/terragrunt", "terragrunt version v0.99.1");
    expect(await findTerragrunt(env)).toEqual({ path: path.join(folder, built), version: pinnedTerragrunt() });
    const newer = await program("second/terragrunt", "terragrunt version v1.2.0");
    expect(await findTerragrunt(env)).toEqual({ path: newer, version: "1.2.0" });
  });
});

describe("Go", () => {
  test.each([
    ["1.26.0", "local", true],
    ["1.22.3", "auto", true],
    ["1.22.3", "local", false],
    ["1.19.8", "auto", false],
  ])("%s with GOTOOLCHAIN=%s serves: %s", async (version, toolchain, serves) => {
    const says = `$(case $1 in version) echo go version go${version} linux/amd64;; *) echo ${toolchain};; esac)`;
    const file = await program("first/go", says);
    const { found, rejected } = await searchGo(env);
    expect(found).toEqual(serves ? { path: file, version } : null);
    expect(rejected).toEqual(serves ? [] : [{ path: file, version }]);
  });
});

test("Redis needs both programs", async () => {
  const server = await program("first/redis-server", "Redis server v=7.0.15 sha=0");
  await expect(findRedis(env)).rejects.toThrow("redis-server and redis-sentinel >= 7.0");
  const sentinel = await program("first/redis-sentinel", "Redis server v=7.0.15 sha=0");
  expect(await findRedis(env)).toEqual({
    server: { path: server, version: "7.0.15" },
    sentinel: { path: sentinel, version: "7.0.15" },
  });
});

describe("the environment of terraform, cdktf and terragrunt", () => {
  test("names one binary for both drivers and keeps the rest", async () => {
    const file = await program("first/terraform", "Terraform v1.11.0");
    expect(await toolEnvironment({ ...env, KEPT: "yes" })).toEqual({
      ...env,
      KEPT: "yes",
      CHECKPOINT_DISABLE: "1",
      TERRAFORM_BINARY_NAME: file,
      TG_TF_PATH: file,
    });
  });

  test("drops a Terraform configuration file that is missing, and keeps one that is there", async () => {
    const file = await program("first/terraform", "Terraform v1.11.0");
    const missing = await toolEnvironment({ ...env, TF_CLI_CONFIG_FILE: path.join(folder, "missing") });
    expect(missing).not.toHaveProperty("TF_CLI_CONFIG_FILE");
    expect(await toolEnvironment({ ...env, TF_CLI_CONFIG_FILE: file })).toMatchObject({ TF_CLI_CONFIG_FILE: file });
  });
});
