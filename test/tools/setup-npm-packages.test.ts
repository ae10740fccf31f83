import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { difference, packagesMisfit } from "../../tools/setup/npm-packages.mjs";
import { repositoryRoot } from "../../tools/setup/places.mjs";

const linux = { platform: "linux", arch: "x64" };
const zod = { "node_modules/zod": { version: "4.0.0", integrity: "sha512-a" } };
const esbuildHere = {
  "node_modules/@esbuild/linux-x64": { version: "1.0.0", optional: true, os: ["linux"], cpu: ["x64"] },
};
const esbuildElsewhere = {
  "node_modules/@esbuild/darwin-x64": { version: "1.0.0", optional: true, os: ["darwin"], cpu: ["x64"] },
};

describe("what npm installed and the lock file", () => {
  test.each([
    ["the same", zod, zod, null],
    ["the root's own entry is no package", { "": { version: "0.1.0" }, ...zod }, zod, null],
    [
      "another version",
      zod,
      { "node_modules/zod": { version: "4.1.0", integrity: "sha512-b" } },
      "node_modules/zod is not the version of package-lock.json",
    ],
    [
      "the same version, other content",
      zod,
      { "node_modules/zod": { version: "4.0.0", integrity: "sha512-b" } },
      "node_modules/zod is not the version of package-lock.json",
    ],
    ["one is missing", zod, {}, "node_modules/zod is missing"],
    ["one too many", {}, zod, "node_modules/zod is not in package-lock.json"],
    ["an optional one for another platform is missing", esbuildElsewhere, {}, null],
    ["an optional one for this platform is missing", esbuildHere, {}, "node_modules/@esbuild/linux-x64 is missing"],
    ["an optional one is not for Linux", { "node_modules/a": { optional: true, os: ["!linux"] } }, {}, null],
    [
      "an optional one is for all but Windows",
      { "node_modules/a": { optional: true, os: ["!win32"] } },
      {},
      "node_modules/a is missing",
    ],
    [
      "an optional one without a platform is missing",
      { "node_modules/tslib": { version: "2.8.1", optional: true } },
      {},
      null,
    ],
  ])("%s", (_, wanted, installed, reason) => {
    expect(difference(wanted, installed, linux)).toBe(reason);
  });
});

describe("node_modules", () => {
  let root: string;
  const write = async (file: string, content: unknown) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), JSON.stringify(content));
  };

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "setup-npm-"));
    await write("package-lock.json", { packages: { "": {}, ...zod } });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test("is missing", () => {
    expect(packagesMisfit(root)).toBe("node_modules is missing");
  });

  test("was left by an installation that did not end", async () => {
    await write("node_modules/zod/package.json", {});
    expect(packagesMisfit(root)).toBe("an installation did not come to its end");
  });

  test("fits", async () => {
    await write("node_modules/zod/package.json", {});
    await write("node_modules/.package-lock.json", { packages: zod });
    expect(packagesMisfit(root)).toBeNull();
  });

  test("has cdktf's terminals only for other computers, or compiled for this one", async () => {
    const terminals = "node_modules/@cdktf/node-pty-prebuilt-multiarch";
    const here = `${process.platform}-${process.arch}`;
    await write(`${terminals}/package.json`, {});
    await write(`${terminals}/prebuilds/linux-mips/node.abi${process.versions.modules}.node`, {});
    await write(`${terminals}/prebuilds/${here}/node.abi83.node`, {});
    await write(`${terminals}/build/Release/pty.node`, "of another Node");
    await write("node_modules/zod/package.json", {});
    await write("node_modules/.package-lock.json", { packages: zod });
    expect(packagesMisfit(root)).toBe(`@cdktf/node-pty-prebuilt-multiarch is not compiled for ${here} and this Node`);

    const compiled = await programOf(path.join(repositoryRoot, terminals), here);
    await copyFile(compiled, path.join(root, terminals, "build/Release/pty.node"));
    expect(packagesMisfit(root)).toBeNull();

    await rm(path.join(root, terminals, "build"), { recursive: true });
    await write(`${terminals}/prebuilds/${here}/node.abi${process.versions.modules}.node`, {});
    expect(packagesMisfit(root)).toBeNull();
  });

  test("lacks a folder that npm lists", async () => {
    await write("node_modules/.package-lock.json", { packages: zod });
    expect(packagesMisfit(root)).toBe("node_modules/zod is missing");
  });
});

/** The program of cdktf's terminals that serves on this computer: npm's, or the one compiled here. */
async function programOf(terminals: string, here: string): Promise<string> {
  const ready = path.join(terminals, "prebuilds", here);
  const names = await readdir(ready).catch(() => []);
  const name = names.find((it) => it === `node.abi${process.versions.modules}.node`);
  return name ? path.join(ready, name) : path.join(terminals, "build/Release/pty.node");
}
