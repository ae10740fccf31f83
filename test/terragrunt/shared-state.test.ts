import fs from "node:fs/promises";
import { expect, test } from "vitest";
import { describeWithTerragrunt, ProjectCopy } from "./project-copy.ts";

const zones = ["a", "b", "c"].map((zone) => `local-zone-${zone}`);

describeWithTerragrunt("Terragrunt and Terraform in the synthesized folder share one state", () => {
  test("what Terraform applied, as cdktf does, is nothing to change for Terragrunt", async () => {
    const copy = await ProjectCopy.create();
    for (const zone of zones) {
      expect(await copy.terraform(zone, "init", "-input=false")).toMatchObject({ exitCode: 0 });
      expect(await copy.terraform(zone, "apply", "-auto-approve")).toMatchObject({ exitCode: 0 });
    }

    const plan = await copy.terragrunt("terragrunt/local", ["run", "--all", "--", "plan", "-detailed-exitcode"]);

    expect(plan.all.match(/No changes\./g)).toHaveLength(3);
    expect(plan.exitCode).toBe(0);
  });

  test("what Terragrunt applied is nothing to change for Terraform", async () => {
    const copy = await ProjectCopy.create();

    const apply = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(apply).toMatchObject({ exitCode: 0 });
    for (const zone of zones) {
      expect(await copy.terraform(zone, "init", "-input=false")).toMatchObject({ exitCode: 0 });
      expect(await copy.terraform(zone, "plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
    }
    expect(await copy.states()).toEqual(zones.map((zone) => `local/${zone}.tfstate`));
  });

  test("an s3 backend is handed to Terragrunt as the synthesized document has it", async () => {
    const s3 = {
      bucket: "states",
      key: "redis-ha/local/local-zone-a.tfstate",
      region: "eu-central-1",
      encrypt: true,
      use_lockfile: true,
    };
    const copy = await ProjectCopy.create({ local: { "zone-a": { backend: { s3 } } } });

    const render = await copy.terragrunt("terragrunt/local/zone-a", ["render", "--json"]);

    const rendered = JSON.parse(render.stdout) as { remote_state: Record<string, unknown> };
    expect(rendered.remote_state).toMatchObject({
      backend: "s3",
      config: s3,
      generate: { path: "backend_override.tf", if_exists: "overwrite_terragrunt" },
    });
    expect(rendered.remote_state["config"]).toEqual(s3);
  });
});

describeWithTerragrunt("after an apply the nodes are looked at", () => {
  const converge = (zone: string) => `converge --env local --zone ${zone} --after-apply`;

  test("zone by zone in order, with changes and without", async () => {
    const copy = await ProjectCopy.create();
    const apply = ["run", "--all", "--non-interactive", "apply"];

    expect(await copy.terragrunt("terragrunt/local", apply)).toMatchObject({ exitCode: 0 });
    expect(await copy.converged()).toEqual(["a", "b", "c"].map(converge));

    expect(await copy.terragrunt("terragrunt/local", apply)).toMatchObject({ exitCode: 0 });
    expect(await copy.converged()).toEqual(["a", "b", "c", "a", "b", "c"].map(converge));
  });

  test("one unit: its zone only", async () => {
    const copy = await ProjectCopy.create();

    expect(await copy.terragrunt("terragrunt/local/zone-b", ["apply", "-auto-approve"])).toMatchObject({ exitCode: 0 });

    expect(await copy.converged()).toEqual([converge("b")]);
  });

  test("a look that fails fails the apply, and the next zone is not touched", async () => {
    const copy = await ProjectCopy.create();
    await fs.writeFile(copy.at("cdktf.out/redis-ha.cjs"), `console.error("redis-a does not answer"); process.exit(1);`);

    const apply = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(apply.exitCode).not.toBe(0);
    expect(apply.all).toContain("redis-a does not answer");
    expect(await copy.states()).toEqual(["local/local-zone-a.tfstate"]);
  });

  test("not after a plan, and not after a destroy, however it is asked for", async () => {
    const copy = await ProjectCopy.create();
    const commands = [
      ["plan"],
      ["apply", "-destroy", "-auto-approve"],
      ["apply", "--destroy=true", "-auto-approve"],
      ["destroy", "-auto-approve"],
    ];

    for (const command of commands) {
      expect(await copy.terragrunt("terragrunt/local/zone-a", command)).toMatchObject({ exitCode: 0 });
    }

    expect(await copy.converged()).toEqual([]);
  });
});

describeWithTerragrunt("a value from another stack", () => {
  const stacks = {
    values: {
      network: {
        document: {
          resource: { terraform_data: { it: { input: "10.0.0.0/16" } } },
          output: { range: { value: "${terraform_data.it.output}" } },
        },
      },
      "zone-a": {
        after: ["network"],
        document: {
          variable: { range: { type: "string" } },
          resource: { terraform_data: { it: { input: "${var.range}" } } },
          output: { seen: { value: "${terraform_data.it.output}" } },
        },
      },
    },
  };

  const include = `include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n`;
  const zone = `${include}
dependency "network" {
  config_path = "../network"

  mock_outputs = {
    range = "mock"
  }
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
  mock_outputs_merge_strategy_with_state  = "shallow"
}

inputs = {
  range = dependency.network.outputs.range
}
`;

  const copyWithValues = async (): Promise<ProjectCopy> => {
    const copy = await ProjectCopy.create(stacks);
    await fs.mkdir(copy.at("terragrunt/values/network"), { recursive: true });
    await fs.writeFile(copy.at("terragrunt/values/network/terragrunt.hcl"), include);
    await fs.mkdir(copy.at("terragrunt/values/zone-a"));
    await fs.writeFile(copy.at("terragrunt/values/zone-a/terragrunt.hcl"), zone);
    return copy;
  };

  test("is a mock in a plan before the first apply, the real one in the apply, and a second destroy works", async () => {
    const copy = await copyWithValues();
    const all = (...args: string[]) =>
      copy.terragrunt("terragrunt/values", ["run", "--all", "--non-interactive", ...args]);

    const plan = await all("plan");
    expect(plan).toMatchObject({ exitCode: 0 });
    expect(plan.all).toContain("mock");

    expect(await all("apply")).toMatchObject({ exitCode: 0 });
    const output = await copy.terragrunt("terragrunt/values/zone-a", ["output", "-raw", "seen"]);
    expect(output.stdout).toContain("10.0.0.0/16");

    expect(await all("destroy")).toMatchObject({ exitCode: 0 });
    expect(await all("destroy")).toMatchObject({ exitCode: 0 });
  });

  test("is never a mock in an apply", async () => {
    const copy = await copyWithValues();

    const apply = await copy.terragrunt("terragrunt/values/zone-a", ["apply", "-auto-approve"]);

    expect(apply.exitCode).toBe(1);
    expect(apply.all).toContain("zone-a/terragrunt.hcl but detected no output");
    expect(await copy.states()).toEqual([]);
  });
});

describeWithTerragrunt("the files of Terragrunt", () => {
  test("are formatted as Terragrunt formats", async () => {
    const copy = await ProjectCopy.create();

    expect(await copy.terragrunt("terragrunt", ["hcl", "fmt", "--check", "--diff"])).toMatchObject({ exitCode: 0 });
  });
});
