import fs from "node:fs/promises";
import { execa } from "execa";
import { expect, test } from "vitest";
import { describeWithTerragrunt, ProjectCopy } from "./project-copy.ts";

const states = (copy: ProjectCopy): Promise<string[]> => fs.readdir(copy.at(".state")).catch(() => []);

describeWithTerragrunt("all environments at once", () => {
  const apply = ["run", "--all", "--non-interactive", "apply"];

  test("are refused from wherever they would be reached, and nothing is applied", async () => {
    const copy = await ProjectCopy.create();
    const ways: readonly [string, string, readonly string[], NodeJS.ProcessEnv][] = [
      ["the folder above", "terragrunt", apply, {}],
      ["the folder above, as apply --all, with a PWD that is not true", "terragrunt", ["apply", "--all"], { PWD: "/" }],
      ["the project's folder, a plan", ".", ["run", "--all", "plan"], {}],
      ["--working-dir", "terragrunt/local", ["run", "--all", "--working-dir", "..", "apply"], {}],
      ["-working-dir=", "terragrunt/local", ["run", "--all", "-working-dir=..", "apply"], {}],
      ["TG_WORKING_DIR", "terragrunt/local", apply, { TG_WORKING_DIR: "../.." }],
    ];

    for (const [way, folder, args, env] of ways) {
      const outcome = await copy.terragrunt(folder, args, env);

      expect(outcome.exitCode, way).toBe(1);
      expect(outcome.all, way).toContain("would reach every environment (local, local-pair). Nothing has been done.");
      expect(outcome.all, way).toContain("cd terragrunt/local-pair");
      expect(outcome.all, way).toContain("--feature all_environments=true");
    }
    expect(await states(copy)).toEqual([]);
    expect(await copy.converged()).toEqual([]);
  });

  test("are applied for who insists", async () => {
    const copy = await ProjectCopy.create();

    const outcome = await copy.terragrunt("terragrunt", [...apply, "--feature", "all_environments=true"]);

    expect(outcome).toMatchObject({ exitCode: 0 });
    expect((await states(copy)).sort()).toEqual(["local", "local-pair"]);
  });

  test("one environment is reached from above by a filter", async () => {
    const copy = await ProjectCopy.create();

    const outcome = await copy.terragrunt("terragrunt", ["run", "--all", "--filter", "./local/**", "plan"]);

    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(outcome.all).not.toContain("local-pair");
  });

  test("looking at the files of the project is no reason to refuse", async () => {
    const copy = await ProjectCopy.create();

    for (const args of [
      ["find", "--dependencies"],
      ["hcl", "validate"],
      ["dag", "graph"],
    ]) {
      expect(await copy.terragrunt("terragrunt", args)).toMatchObject({ exitCode: 0 });
    }
  });

  test("the search for dependents, which looks upwards in a git repository, is let pass", async () => {
    const copy = await ProjectCopy.create();
    await execa("git", ["init", "--quiet"], { cwd: copy.folder });

    const dependents = await copy.terragrunt("terragrunt/local", ["run", "--all", "--filter", "...zone-b", "plan"]);
    expect(dependents).toMatchObject({ exitCode: 0 });
    expect(dependents.all.match(/will be created/g)).toHaveLength(2);

    const graph = await copy.terragrunt("terragrunt/local/zone-c", ["run", "--graph", "plan"]);
    expect(graph).toMatchObject({ exitCode: 0 });

    const destroy = ["destroy", "--destroy-dependencies-check", "--non-interactive", "-auto-approve"];
    expect(await copy.terragrunt("terragrunt/local/zone-c", destroy)).toMatchObject({ exitCode: 0 });
  });

  test("copies in caches and other folders of the project are not taken for units", async () => {
    const copy = await ProjectCopy.create();
    await copy.terragrunt("terragrunt/local", ["run", "--all", "plan"]);

    const found = await copy.terragrunt(".", ["find"]);

    expect(found.stdout.trim().split("\n").sort()).toEqual([
      "terragrunt",
      ...["local", "local-pair"].flatMap((it) => ["a", "b", "c"].map((zone) => `terragrunt/${it}/zone-${zone}`)).sort(),
    ]);
  });
});
