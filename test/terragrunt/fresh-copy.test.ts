import fs from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { synthSources } from "../../tools/synth-sources.mjs";
import { describeWithTerragrunt, ProjectCopy, projectRoot } from "./project-copy.ts";

/** This project as it is in a clone or an unpacked archive: no git, no output, no state. */
async function freshCopy(): Promise<ProjectCopy> {
  const copy = await ProjectCopy.create();
  await fs.rm(copy.at("environments"), { recursive: true });
  for (const source of [...synthSources, "package.json", "tsconfig.json"]) {
    await fs.cp(path.join(projectRoot, source), copy.at(source), { recursive: true });
  }
  return copy;
}

describeWithTerragrunt("in a fresh copy in a folder of another name", () => {
  test("run --all plan synthesizes and plans every node", async () => {
    const copy = await freshCopy();

    const plan = await copy.terragrunt("terragrunt/local", ["run", "--all", "plan"], { CDKTF_OUTDIR: "elsewhere" });

    expect(plan).toMatchObject({ exitCode: 0 });
    for (const node of ["redis-a", "redis-b", "redis-c"]) expect(plan.all).toContain(`["${node}"] will be created`);
    expect(plan.all).not.toContain(projectRoot);
  });

  test("a second plan finds the output fresh", async () => {
    const copy = await freshCopy();
    const plan = () => copy.terragrunt("terragrunt/local-pair/zone-c", ["plan"]);
    expect(await plan()).toMatchObject({ exitCode: 0 });
    const { mtimeMs } = await fs.stat(copy.at("cdktf.out/.stamp"));

    const again = await plan();

    expect(again.all).not.toContain("Downloading Terraform configurations");
    expect((await fs.stat(copy.at("cdktf.out/.stamp"))).mtimeMs).toBe(mtimeMs);
  });
});
