import fs from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { buildBundle, operatorsPackages } from "../../tools/bundle.ts";
import { temporaryFolder } from "../support/synth.ts";

test("the program is one file that runs without node_modules", async () => {
  const file = path.join(await temporaryFolder(), "redis-ha.cjs");
  await buildBundle(file);
  const { stdout } = await execa("node", [file, "--help"], { cwd: path.dirname(file), env: { NODE_PATH: "" } });
  expect(stdout).toContain("redis-ha");
});

test("what a synth needs is not part of the program that runs on nodes", async () => {
  const { packages } = await buildBundle(path.join(await temporaryFolder(), "redis-ha.cjs"));
  expect(packages).toContain("ioredis");
  for (const name of ["zod", "eta", "cdktf", "constructs", "esbuild", "tsx"]) expect(packages).not.toContain(name);
  expect(packages.filter((name) => name.startsWith("@cdktf/"))).toEqual([]);
});

test("what makes and fetches secrets is not part of it either: it would double what every node gets", async () => {
  const file = path.join(await temporaryFolder(), "redis-ha.cjs");
  const { packages } = await buildBundle(file);
  expect(packages.filter((name) => /^@(aws-sdk|smithy|peculiar)\//.test(name))).toEqual([]);
  for (const name of operatorsPackages) expect(packages).not.toContain(name);
  // Each is looked for when it is wanted, and not before.
  const content = await fs.readFile(file, "utf8");
  for (const name of operatorsPackages) {
    expect(content).toContain(`import("${name}")`);
    expect(content).not.toContain(`require("${name}")`);
  }
});

test("the program has the same bytes on each run, and no path of this computer in it", async () => {
  const folder = await temporaryFolder();
  const [first, second] = [path.join(folder, "first.cjs"), path.join(folder, "deep/er/second.cjs")];
  await buildBundle(first);
  await buildBundle(second);
  const content = await fs.readFile(first, "utf8");
  expect(await fs.readFile(second, "utf8")).toBe(content);
  expect(content).not.toContain(path.resolve("."));
  expect(content).not.toContain(folder);
});
