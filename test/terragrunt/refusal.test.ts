import { execa } from "execa";
import { expect, test } from "vitest";
import { describeWithTerragrunt, ProjectCopy } from "./project-copy.ts";

const apply = ["run", "--all", "--non-interactive", "apply"];

describeWithTerragrunt("all environments at once", () => {
  test.each([
    ["from the folder above", "terragrunt", apply],
    ["by --working-dir", "terragrunt/local/zone-a", [...apply, "--working-dir", "../.."]],
  ])("are refused %s, and nothing is applied", async (_, folder, args) => {
    const copy = await ProjectCopy.create();

    const outcome = await copy.terragrunt(folder, args);

    expect(outcome.exitCode).toBe(1);
    expect(outcome.all).toContain("would reach every environment (local, local-pair). Nothing has been done.");
    expect(outcome.all).toContain("cd terragrunt/local-pair");
    expect(outcome.all).toContain("--filter './<environment>/**'");
    expect(outcome.all).toContain("--feature all_environments=true");
    expect(await copy.states()).toEqual([]);
    expect(await copy.converged()).toEqual([]);
  });

  test("are applied for who insists", async () => {
    const copy = await ProjectCopy.create();

    const outcome = await copy.terragrunt("terragrunt", [...apply, "--feature", "all_environments=true"]);

    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(await copy.states()).toHaveLength(6);
  });

  test("may be looked at", async () => {
    const copy = await ProjectCopy.create();

    for (const command of [
      ["find", "--dag"],
      ["hcl", "validate"],
      ["info", "print", "--all"],
      ["render", "--all"],
    ]) {
      const outcome = await copy.terragrunt("terragrunt", command);

      expect(outcome).toMatchObject({ exitCode: 0 });
      expect(outcome.all).not.toContain("would reach every environment");
    }
  });

  test("are told apart by a filter", async () => {
    const copy = await ProjectCopy.create();

    const one = await copy.terragrunt("terragrunt", ["run", "--all", "--filter", "./local/**", "plan"]);

    expect(one).toMatchObject({ exitCode: 0 });
    expect(one.all.match(/will be created/g)).toHaveLength(3);

    // Copies in the caches that this has left are not taken for units.
    const found = await copy.terragrunt(".", ["find"]);
    const units = ["local", "local-pair"].flatMap((it) =>
      ["a", "b", "c"].map((zone) => `terragrunt/${it}/zone-${zone}`),
    );
    expect(found.stdout.trim().split("\n").sort()).toEqual(["terragrunt", ...units].sort());
  });
});

describeWithTerragrunt("in a git repository, where Terragrunt looks for dependents from its root", () => {
  test("a unit is planned, applied and destroyed in its folder", async () => {
    const copy = await repository();

    for (const command of [["plan"], ["apply", "-auto-approve"], ["destroy", "-auto-approve"]]) {
      const outcome = await copy.terragrunt("terragrunt/local/zone-a", command);

      expect(outcome).toMatchObject({ exitCode: 0 });
      expect(outcome.all).not.toContain("would reach every environment");
    }
    expect(await copy.converged()).toEqual(["converge --env local --zone a --after-apply"]);
  });

  test("the dependents of a unit are found: to be planned as well, and before it is destroyed", async () => {
    const copy = await repository();

    const dependents = await copy.terragrunt("terragrunt/local", ["run", "--all", "--filter", "...zone-b", "plan"]);
    expect(dependents).toMatchObject({ exitCode: 0 });
    expect(dependents.all.match(/will be created/g)).toHaveLength(2);

    const graph = await copy.terragrunt("terragrunt/local/zone-b", ["run", "--graph", "plan"]);
    expect(graph).toMatchObject({ exitCode: 0 });
    expect(graph.all.match(/will be created/g)).toHaveLength(2);

    // Found, it asks; not found, it would destroy without.
    const destroy = await copy.terragrunt("terragrunt/local/zone-b", ["destroy", "--destroy-dependencies-check"]);
    expect(destroy.all).toMatch(/Detected dependent units:\s+.*terragrunt\/local\/zone-c/);
    expect(destroy.all).not.toContain("Destroy complete");
  });

  test("run --all that works from the root of the repository is refused, wherever it is started", async () => {
    const copy = await repository();
    const destroy = ["run", "--all", "--non-interactive", "destroy"];

    const outcome = await copy.terragrunt("terragrunt/local/zone-a", destroy, { TG_WORKING_DIR: "../../.." });

    expect(outcome.exitCode).toBe(1);
    expect(outcome.all).toContain("would reach every environment");
    expect(outcome.all).not.toContain("Destroy complete");
  });
});

async function repository(): Promise<ProjectCopy> {
  const copy = await ProjectCopy.create();
  await execa("git", ["init", "--quiet"], { cwd: copy.folder });
  return copy;
}
