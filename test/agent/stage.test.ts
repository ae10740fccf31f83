import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { appliedSpec, type NodeFolder, nodeFolderAt } from "../../agent/node-folder.ts";
import { noteProven, rollBack, stageFiles } from "../../agent/stage.ts";
import { specOf } from "../support/spec.ts";
import { temporaryFolder } from "../support/synth.ts";

const revision = (redis: string, sentinel = "port 1\n") =>
  specOf("a", { files: { "redis.conf": redis, "sentinel.conf": sentinel } });

const newFolder = async (): Promise<NodeFolder> => nodeFolderAt(path.join(await temporaryFolder(), "test", "redis-a"));

const redisOf = (folder: NodeFolder): (string | undefined)[] => [
  fs.readFileSync(folder.redisConf, "utf8"),
  appliedSpec(folder)?.files["redis.conf"],
];

describe("staging", () => {
  it("writes what is new, names it, and is silent the second time", async () => {
    const folder = await newFolder();
    expect(stageFiles(revision("a 1\n"), folder)).toEqual([
      "redis.conf written",
      "sentinel.conf written",
      "node.json written",
    ]);
    expect(stageFiles(revision("a 1\n"), folder)).toEqual([]);
    expect(stageFiles(revision("a 2\n"), folder)).toEqual(["redis.conf changed", "node.json changed"]);
    expect(redisOf(folder)).toEqual(["a 2\n", "a 2\n"]);
  });

  it("writes an edited file again, also when the spec is the same", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n"), folder);
    fs.writeFileSync(folder.redisConf, "a 7\n");
    expect(stageFiles(revision("a 1\n"), folder)).toEqual(["redis.conf changed"]);
  });

  it("brings a retired node back", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n"), folder);
    fs.renameSync(folder.spec, folder.retired);
    stageFiles(revision("a 1\n"), folder);
    expect(fs.existsSync(folder.retired)).toBe(false);
  });
});

describe("going back", () => {
  it("brings the file back that the server ran with, of that server alone", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n", "port 1\n"), folder);
    noteProven(folder);
    stageFiles(revision("a 2\n", "port 2\n"), folder);
    expect(rollBack(folder, "redis")).toBe(true);
    expect(redisOf(folder)).toEqual(["a 1\n", "a 1\n"]);
    expect(fs.readFileSync(folder.sentinelConf, "utf8")).toBe("port 2\n");
    expect(appliedSpec(folder)?.files["sentinel.conf"]).toBe("port 2\n");
    expect(rollBack(folder, "sentinel")).toBe(true);
    expect(appliedSpec(folder)).toEqual(revision("a 1\n", "port 1\n"));
  });

  it("skips what was staged and never ran: an apply may have been killed", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n"), folder);
    noteProven(folder);
    stageFiles(revision("a 2\n"), folder);
    stageFiles(revision("a 3\n"), folder);
    expect(rollBack(folder, "redis")).toBe(true);
    expect(redisOf(folder)).toEqual(["a 1\n", "a 1\n"]);
  });

  it("goes back to what ran, although the bad revision was applied again", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n"), folder);
    noteProven(folder);
    for (const bad of ["bad\n", "worse\n"]) {
      stageFiles(revision(bad), folder);
      expect(rollBack(folder, "redis")).toBe(true);
      expect(redisOf(folder)).toEqual(["a 1\n", "a 1\n"]);
    }
  });

  it("is not possible for a node that never ran otherwise", async () => {
    const folder = await newFolder();
    stageFiles(revision("a 1\n"), folder);
    expect(rollBack(folder, "redis")).toBe(false);
  });

  it("never goes back to a file that did not run, however it came to be staged", async () => {
    const folder = await newFolder();
    stageFiles(revision("bad\n"), folder);
    stageFiles(revision("worse\n"), folder);
    expect(rollBack(folder, "redis")).toBe(false);
  });
});
