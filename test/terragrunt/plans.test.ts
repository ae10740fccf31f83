import fs from "node:fs/promises";
import { expect, it } from "vitest";
import { parsePlan } from "../../plan/terraform-plan.ts";
import { describeWithTerragrunt, ProjectCopy } from "./project-copy.ts";

describeWithTerragrunt("the plans that redis-ha plan reads", () => {
  it("are where Terragrunt writes them, by unit, in a folder anywhere", async () => {
    const copy = await ProjectCopy.create();
    const plans = copy.at("the plans");
    const { exitCode, all } = await copy.terragrunt("terragrunt/local", [
      ...["run", "--all", "--non-interactive", "--json-out-dir", plans],
      ...["--", "plan"],
    ]);
    expect(exitCode, all).toBe(0);
    for (const unit of ["zone-a", "zone-b", "zone-c"]) {
      const plan = parsePlan(await fs.readFile(`${plans}/${unit}/tfplan.json`, "utf8"), unit);
      expect(plan.resource_changes).toMatchObject([{ address: "terraform_data.it", change: { actions: ["create"] } }]);
    }
  });
});
