import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Inventory, InventoryEnvironment } from "../../topology/inventory.ts";
import { redisHa } from "./run-cli.ts";

describe("redis-ha, used without a cluster", () => {
  let root: string;
  beforeEach(async () => {
    root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "rha-")));
    await fs.writeFile(path.join(root, "cdktf.json"), "{}");
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  const empty: InventoryEnvironment = {
    target: "local",
    engine: "redis",
    masterName: "m",
    quorum: 2,
    minReplicasToWrite: 1,
    secrets: { kind: "file" },
    tls: true,
    nodes: [],
    stacks: ["staging-zone-a"],
  };
  async function inventory(environments: Record<string, InventoryEnvironment>): Promise<void> {
    const content: Inventory = { version: 1, environments };
    await fs.mkdir(path.join(root, "cdktf.out"));
    await fs.writeFile(path.join(root, "cdktf.out", "environments.json"), JSON.stringify(content));
  }

  it("prints help with the exit codes, also for a command with its examples", async () => {
    const help = await redisHa(root, ["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const name of ["status", "verify", "converge", "connect", "drill", "Exit codes"])
      expect(help.stdout).toContain(name);
    const connect = await redisHa(root, ["connect", "--help"]);
    expect(connect).toMatchObject({ code: 0, stderr: "" });
    expect(connect.stdout).toContain("$ npx redis-ha connect --exec");
  });

  it.each([[[]], [["satus"]], [["status", "--colour"]], [["status", "extra"]], [["verify", "--wait", "soon"]]])(
    "takes %j for wrong use, on stderr, with code 2",
    async (args) => {
      const ran = await redisHa(root, args);
      expect(ran).toMatchObject({ code: 2, stdout: "" });
      expect(ran.stderr).not.toBe("");
    },
  );

  it("asks for a synth when there is none, or one of another version", async () => {
    expect(await redisHa(root, ["status"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: "redis-ha: cdktf.out/environments.json is missing; run npm run synth first",
    });
    await fs.mkdir(path.join(root, "cdktf.out"));
    for (const text of ['{"version": 2}', "{", "null"]) {
      await fs.writeFile(path.join(root, "cdktf.out", "environments.json"), text);
      const ran = await redisHa(root, ["status"]);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain("another version; run npm run synth first");
    }
  });

  it("names the known environments when one is not known, or must be chosen", async () => {
    await inventory({ staging: empty, prod: empty });
    expect(await redisHa(root, ["status", "--env", "production"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no environment is named "production"; known are: staging, prod') as string,
    });
    expect(await redisHa(root, ["status", "--env", "constructor"])).toMatchObject({ code: 2 });
    expect(await redisHa(root, ["verify"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Add --env NAME; known are: staging, prod") as string,
    });
  });

  it("takes the only environment, or local among several", async () => {
    await inventory({ staging: empty });
    expect(JSON.parse((await redisHa(root, ["status", "--json"])).stdout)).toMatchObject({ environment: "staging" });
    await fs.rm(path.join(root, "cdktf.out"), { recursive: true });
    await inventory({ staging: empty, local: empty });
    expect(JSON.parse((await redisHa(root, ["status", "--json"])).stdout)).toMatchObject({ environment: "local" });
  });

  it("works in every folder of a checkout", async () => {
    await inventory({ staging: empty });
    const deep = path.join(root, "terragrunt", "staging");
    await fs.mkdir(deep, { recursive: true });
    expect(JSON.parse((await redisHa(deep, ["status", "--json"])).stdout)).toMatchObject({ environment: "staging" });
  });

  it("refuses to converge a zone that does not exist, and has nothing to do for one that is empty", async () => {
    await inventory({ staging: empty });
    const unknown = await redisHa(root, ["converge", "--zone", "x"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('staging has no zone "x"');
    const emptied = await redisHa(root, ["converge", "--zone", "a", "--json"], {
      XDG_STATE_HOME: path.join(root, "s"),
    });
    expect(emptied.stderr).toBe("");
    expect(emptied.code).toBe(0);
    expect(JSON.parse(emptied.stdout)).toEqual({
      version: 1,
      environment: "staging",
      zone: "a",
      changed: false,
      problems: [],
    });
  });

  it("refuses forms of connect that exclude each other", async () => {
    await inventory({ staging: empty });
    for (const args of [
      ["--exec", "--json"],
      ["--ioredis", "--json"],
      ["--json", "get", "x"],
      ["--ioredis", "--replica"],
    ]) {
      expect(await redisHa(root, ["connect", ...args])).toMatchObject({ code: 2, stdout: "" });
    }
  });
});
