import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nodeFolder, projectRoot, stateFolder, writeAtomically } from "../../agent/node-folder.ts";

let folder: string;
const program = process.argv[1] as string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync("/tmp/rh-"));
  for (const name of ["checkout/terragrunt/local", "other", "outside"]) {
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  }
  for (const name of ["checkout", "other"]) fs.writeFileSync(path.join(folder, name, "cdktf.json"), "{}");
  process.argv[1] = path.join(folder, "outside", "redis-ha.cjs");
});
afterEach(() => {
  process.argv[1] = program;
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true });
});
const at = (name: string): string => path.join(folder, name);

describe("the checkout that a command belongs to", () => {
  it("is the one that it is run in, however deep", () => {
    expect(projectRoot(at("checkout/terragrunt/local"))).toBe(at("checkout"));
  });

  it("is the one that Terragrunt names, wherever it keeps its copies", () => {
    vi.stubEnv("REDIS_HA_PROJECT", at("other"));
    expect(projectRoot(at("outside"))).toBe(at("other"));
  });

  it("outside of any is the one that the program lies in", () => {
    process.argv[1] = at("checkout/cdktf.out/redis-ha.cjs");
    fs.mkdirSync(at("checkout/cdktf.out"));
    expect(projectRoot(at("outside"))).toBe(at("checkout"));
  });

  it("is an error when there is none", () => {
    expect(() => projectRoot(at("outside"))).toThrow(`${at("outside")} is not inside a checkout of this project`);
  });
});

describe("the state folder", () => {
  it("differs from checkout to checkout, and follows XDG_STATE_HOME", () => {
    vi.stubEnv("XDG_STATE_HOME", at("state"));
    const names = [at("checkout"), at("other"), "/elsewhere/checkout"].map(stateFolder);
    expect(new Set(names).size).toBe(3);
    expect(path.dirname(names[0] as string)).toBe(at("state/cdktf-redis-ha"));
  });

  it("does not depend on the working directory: a relative XDG_STATE_HOME counts as none", () => {
    vi.stubEnv("XDG_STATE_HOME", "state");
    vi.stubEnv("HOME", at("home"));
    expect(stateFolder(at("checkout")).startsWith(at("home/.local/state/"))).toBe(true);
  });

  it("gives every node a socket of its own, and says so when its path is too long", () => {
    const sockets = [
      ["local", "redis-a"],
      ["local", "redis-b"],
      ["local-pair", "redis-a"],
    ].map(([environment, node]) => nodeFolder(at("state"), environment as string, node as string).socket);
    expect(new Set(sockets).size).toBe(3);
    expect(() => nodeFolder(`/${"x".repeat(100)}`, "local", "redis-a")).toThrow("set XDG_STATE_HOME to a folder");
  });
});

describe("writing a file", () => {
  it("replaces it whole, for the user alone, and leaves nothing beside it", () => {
    const file = at("new/deep/file");
    writeAtomically(file, "one");
    writeAtomically(file, "two");
    expect(fs.readFileSync(file, "utf8")).toBe("two");
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path.dirname(file))).toEqual(["file"]);
  });
});
