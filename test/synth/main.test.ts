import fs from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { filesBelow } from "../../stacks/sync-folder.ts";
import { fingerprintsOf, temporaryFolder } from "../support/synth.ts";
import { quietTerraform } from "../support/terraform.ts";

const root = path.resolve(import.meta.dirname, "../..");
const notPartOfACheckout = [".lab", "node_modules", ".git", "cdktf.out", ".state", ".terragrunt-cache"];

/** A second checkout of the sources as they are now, at a path with spaces, sharing this one's node_modules. */
async function checkout(name: string): Promise<string> {
  const folder = path.join(await temporaryFolder(), name);
  await fs.cp(root, folder, {
    recursive: true,
    filter: (source) => !notPartOfACheckout.includes(path.basename(source)),
  });
  await fs.symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** Runs main.ts of a checkout from any directory. */
const runMain = (folder: string, cwd: string, env: Record<string, string> = {}) =>
  execa("node", ["--import", path.join(root, "node_modules/tsx/dist/loader.mjs"), path.join(folder, "main.ts")], {
    cwd,
    env,
    reject: false,
  });

test("every checkout and every directory gives the same bytes, with no path in them", async () => {
  const one = await checkout("first checkout");
  const two = await checkout("deep/er/2nd");
  expect(await runMain(one, "/")).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  expect(await runMain(two, path.join(two, "test"))).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });

  const outdir = path.join(one, "cdktf.out");
  expect(await fingerprintsOf(path.join(two, "cdktf.out"))).toEqual(await fingerprintsOf(outdir));
  const files = await filesBelow(outdir);
  expect(files).toContain("stacks/local-zone-a/cdk.tf.json");
  for (const file of files) {
    const bytes = await fs.readFile(path.join(outdir, file));
    for (const place of [one, path.dirname(one), root]) expect(bytes.includes(place), `${file}: ${place}`).toBe(false);
  }
});

test("cdktf and a plain run write the same folder", async () => {
  const folder = await checkout("project");
  await runMain(folder, folder);
  const before = await fingerprintsOf(path.join(folder, "cdktf.out"));
  const times = async () => {
    const files = Object.keys(before).filter((file) => file !== ".stamp");
    return Promise.all(files.map(async (file) => (await fs.stat(path.join(folder, "cdktf.out", file))).mtimeMs));
  };
  const timesBefore = await times();

  const { stdout } = await execa(path.join(root, "node_modules/.bin/cdktf"), ["synth"], {
    cwd: folder,
    env: { ...quietTerraform, HOME: await temporaryFolder() },
  });
  expect(stdout).toContain("Generated Terraform code for the stacks");
  expect(await fingerprintsOf(path.join(folder, "cdktf.out"))).toEqual(before);
  expect(await times()).toEqual(timesBefore);
});

test("CDKTF_OUTDIR names another folder", async () => {
  const folder = await checkout("project");
  const outdir = path.join(await temporaryFolder(), "elsewhere");
  expect(await runMain(folder, "/", { CDKTF_OUTDIR: outdir })).toMatchObject({ exitCode: 0 });
  expect(await fs.readdir(outdir)).toContain("manifest.json");
  expect(await filesBelow(path.join(folder, "cdktf.out"))).toEqual([]);
});

test("an invalid environment is reported by its message alone, and the old output stays", async () => {
  const folder = await checkout("project");
  await runMain(folder, folder);
  const before = await fingerprintsOf(path.join(folder, "cdktf.out"));

  const file = path.join(folder, "environments/local.ts");
  await fs.writeFile(file, (await fs.readFile(file, "utf8")).replace("maxMemoryMb: 100", "maxMemoryMb: 0"));
  const { exitCode, stdout, stderr } = await runMain(folder, folder);
  expect(exitCode).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^environments\/local\.ts: settings\.maxMemoryMb: .*$/);
  expect(await fingerprintsOf(path.join(folder, "cdktf.out"))).toEqual(before);
});
