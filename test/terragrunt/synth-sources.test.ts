import fs from "node:fs/promises";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { changedSince, synthSources } from "../../tools/synth-sources.mjs";
import { temporaryFolder } from "../support/synth.ts";
import { projectRoot } from "./project-copy.ts";

describe("the sources of a synth", () => {
  test("are all that main.ts and the operator's command are made of", async () => {
    const { metafile } = await build({
      absWorkingDir: projectRoot,
      entryPoints: ["main.ts", "cli/main.ts"],
      outdir: "unused",
      bundle: true,
      write: false,
      metafile: true,
      packages: "external",
      platform: "node",
      format: "esm",
    });

    const unlisted = Object.keys(metafile.inputs).filter(
      (file) => !synthSources.some((source) => file === source || file.startsWith(`${source}/`)),
    );

    expect(Object.keys(metafile.inputs)).toContain("environments/local.ts");
    expect(unlisted).toEqual([]);
  });
});

describe("changedSince", () => {
  test("names what changed after a time, and nothing else", async () => {
    const project = await temporaryFolder();
    await fs.mkdir(`${project}/environments/deeper`, { recursive: true });
    await fs.writeFile(`${project}/environments/deeper/local.ts`, "1");
    await fs.writeFile(`${project}/notes.txt`, "not a source");
    const { ctimeMs: last } = await fs.stat(`${project}/environments/deeper/local.ts`);

    expect(changedSince(project, last)).toBeUndefined();
    expect(changedSince(project, last - 1)).toMatch(/^environments/);
  });
});
