import fs from "node:fs/promises";
import path from "node:path";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import { StackInput } from "../../stacks/stack-input.ts";
import { addStateBackend } from "../../stacks/state-backend.ts";
import { TerraformData } from "../../stacks/terraform-data.ts";
import { writeMissingUnits } from "../../stacks/terragrunt-units.ts";
import { localInput } from "../environments/inputs.ts";
import { temporaryFolder } from "../support/synth.ts";
import { terraform } from "../support/terraform.ts";
import { describeWithTerragrunt, ProjectCopy } from "./project-copy.ts";

/** Two stacks of the environment `base`: `zone-a` has what `network` made of it. */
async function twoStacks(network = "first"): Promise<string> {
  const environment = parseEnvironment(localInput());
  const outdir = await temporaryFolder();
  const app = new App({ outdir, stackTraces: false, hclOutput: false });
  const below = new TerraformStack(app, "base-network");
  addStateBackend(below, environment);
  const made = new TerraformData(below, "made", { input: network });
  new TerraformOutput(below, "subnet_id_a", { value: `\${${made.fqn}.output}` });
  const above = new TerraformStack(app, "base-zone-a");
  addStateBackend(above, environment);
  const input = new StackInput(above, { environment, from: below, as: "network" });
  new TerraformData(above, "it", { input: input.output("subnet_id_a") });
  app.synth();
  return outdir;
}

const documents = async (outdir: string) => {
  const read = async (stack: string): Promise<Record<string, unknown>> =>
    JSON.parse(await fs.readFile(path.join(outdir, "stacks", stack, "cdk.tf.json"), "utf8")) as Record<string, unknown>;
  return { network: await read("base-network"), zone: await read("base-zone-a") };
};

describe("a stack that takes outputs of another one", () => {
  it("comes after it, and reads them from its state", async () => {
    const outdir = await twoStacks();
    const { stacks } = JSON.parse(await fs.readFile(path.join(outdir, "manifest.json"), "utf8")) as {
      stacks: Record<string, { dependencies: string[] }>;
    };
    expect(stacks["base-zone-a"]?.dependencies).toEqual(["base-network"]);

    // As in a checkout: the state is beside the output folder.
    const root = await temporaryFolder();
    await fs.cp(outdir, path.join(root, "cdktf.out"), { recursive: true });
    const [network, zone] = ["base-network", "base-zone-a"].map((stack) => path.join(root, "cdktf.out/stacks", stack));
    await terraform(network ?? "", "init");
    await terraform(network ?? "", "apply", "-auto-approve");
    await terraform(zone ?? "", "init");
    expect(await terraform(zone ?? "", "apply", "-auto-approve", "-no-color")).toMatch(/\+ input += "first"/);
    expect(await terraform(zone ?? "", "plan")).toContain("No changes.");
    // Given as a variable, nothing is read.
    const given = await terraform(zone ?? "", "plan", "-no-color", "-var", `network={"subnet_id_a":"given"}`);
    expect(given).toMatch(/"first" -> "given"/);
    expect(given).not.toContain("terraform_remote_state");
  });
});

describeWithTerragrunt("the same with Terragrunt", () => {
  it("plans before anything was applied, applies both, and destroys both twice", async () => {
    const { network, zone } = await documents(await twoStacks());
    const copy = await ProjectCopy.create({
      base: { network: { document: network }, "zone-a": { document: zone, after: ["network"] } },
    });
    const inventory = { version: 1, environments: { base: { stacks: ["base-network", "base-zone-a"] } } };
    await fs.writeFile(copy.at("cdktf.out/environments.json"), JSON.stringify(inventory));
    await writeMissingUnits(copy.at("cdktf.out"), copy.at("terragrunt"));
    const runAll = async (...args: string[]) => {
      const { exitCode, all } = await copy.terragrunt("terragrunt/base", [
        ...["run", "--all", "--non-interactive", "--"],
        ...args,
      ]);
      expect(exitCode, all).toBe(0);
      return all;
    };
    expect(await runAll("plan")).toMatch(/\+ input += "mock-subnet_id_a"/);
    expect(await runAll("apply", "-auto-approve", "-no-color")).toMatch(/\+ input += "first"/);
    expect((await runAll("plan")).match(/No changes\./g)).toHaveLength(2);
    expect((await runAll("destroy", "-auto-approve")).match(/Resources: 1 destroyed/g)).toHaveLength(2);
    expect((await runAll("destroy", "-auto-approve")).match(/Resources: 0 destroyed/g)).toHaveLength(2);
  });
});
