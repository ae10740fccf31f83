import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { repositoryRoot } from "../../tools/setup/places.mjs";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-ci-"));
  await cp(path.join(repositoryRoot, ".ci/run"), path.join(folder, ".ci/run"));
  await symlink(path.join(repositoryRoot, "node_modules"), path.join(folder, "node_modules"));
  await mkdir(path.join(folder, "test"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A project with these tests, run by the real vitest. */
async function ciRun(files: Record<string, string>, command = "vitest run") {
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ type: "module", scripts: { test: command } }));
  for (const [name, body] of Object.entries(files)) {
    await writeFile(path.join(folder, "test", name), `import { expect, test } from "vitest";\n${body}\n`);
  }
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$|npm_)/.test(name));
  const child = spawn(path.join(folder, ".ci/run"), { cwd: "/", env: Object.fromEntries(inherited) });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, lastLine: output.trimEnd().split("\n").at(-1), output };
}

const passing = 'test("a", () => expect(1).toBe(1));';
const failing = 'test("b", () => expect(1).toBe(2));';

test("all passed", async () => {
  expect(await ciRun({ "a.test.ts": passing })).toMatchObject({ code: 0, lastLine: "1 passed, 0 failed" });
});

test("failed and skipped ones are counted, and fail the run", async () => {
  const files = { "a.test.ts": passing, "b.test.ts": `${failing}\ntest.skip("c", () => {});\ntest.todo("d");` };
  expect(await ciRun(files)).toMatchObject({ code: 1, lastLine: "1 passed, 1 failed, 2 skipped" });
});

test("a file that cannot be loaded counts as failed", async () => {
  const files = { "a.test.ts": passing, "b.test.ts": 'throw new Error("broken");' };
  expect(await ciRun(files)).toMatchObject({ code: 1, lastLine: "1 passed, 1 failed" });
});

test("an error outside of the tests fails the run", async () => {
  const files = {
    "a.test.ts": `${passing}\nsetTimeout(() => { throw new Error("late"); }, 0);\ntest("w", () => new Promise((r) => setTimeout(r, 100)));`,
  };
  expect(await ciRun(files)).toMatchObject({ code: 1, lastLine: "2 passed, 0 failed" });
});

test("no test at all fails the run", async () => {
  expect(await ciRun({}, "vitest run --passWithNoTests")).toMatchObject({ code: 1, lastLine: "0 passed, 0 failed" });
});

test("a missing report fails the run", async () => {
  const { code, lastLine, output } = await ciRun({}, "true");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "0 passed, 0 failed" });
  expect(output).toContain("No report of vitest");
});
