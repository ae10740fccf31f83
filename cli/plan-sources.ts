import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readIfThere } from "../agent/node-folder.ts";
import type { StackPlan } from "../plan/environment-outcome.ts";
import type { SynthesizedStack } from "../plan/same-synth.ts";
import { parsePlan, UnusablePlan } from "../plan/terraform-plan.ts";
import { parseNodeSpec } from "../topology/node-spec.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { hintFor } from "./plan-hints.ts";

/** What Terragrunt calls each of the plans that `--json-out-dir` asks for. */
const PLAN_FILE = "tfplan.json";

/**
 * The plans of an environment out of a folder of Terragrunt's `--json-out-dir`: `<unit>/tfplan.json`, or
 * `<environment>/<unit>/tfplan.json` where it ran above the environment's folder.
 * @throws UnusablePlan when one of them is missing
 */
export function plansIn(folder: string, chosen: Chosen, root: string): StackPlan[] {
  const { environment, inventory } = chosen;
  return inventory.stacks.map((stack) => {
    const unit = stack.slice(`${environment}-`.length);
    const places = [path.join(folder, unit, PLAN_FILE), path.join(folder, environment, unit, PLAN_FILE)];
    const source = places.find((place) => fs.existsSync(place));
    if (source === undefined)
      throw new UnusablePlan(
        `${places[0]} is missing: the plan of ${stack}. All stacks of the environment are needed: ` +
          `cd terragrunt/${environment} && npx terragrunt run-all plan --json-out-dir ${path.resolve(folder)}`,
      );
    return {
      stack,
      source,
      plan: parsePlan(fs.readFileSync(source, "utf8"), source),
      synthesized: synthesized(chosen, root, stack),
    };
  });
}

/**
 * Has Terraform plan every stack of an environment, as `cdktf diff` does; changes nothing.
 * @param report told of each stack before
 * @throws with Terraform's own words when it fails
 */
export function madePlans(chosen: Chosen, root: string, report: (text: string) => void): StackPlan[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "redis-ha-plan-"));
  try {
    return chosen.inventory.stacks.map((stack) => {
      report(`plans ${stack}`);
      const [cwd, file] = [stackFolder(root, stack), path.join(folder, stack)];
      terraform(chosen, stack, cwd, ["init", "-input=false", "-no-color"]);
      terraform(chosen, stack, cwd, ["plan", "-input=false", "-no-color", `-out=${file}`]);
      const json = terraform(chosen, stack, cwd, ["show", "-json", file]);
      const source = `the plan of ${stack}`;
      return { stack, source, plan: parsePlan(json, source), synthesized: synthesized(chosen, root, stack) };
    });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const stackFolder = (root: string, stack: string): string => path.join(root, "cdktf.out", "stacks", stack);

/** What is synthesized now. @throws UsageError when it is not whole */
function synthesized({ environment, inventory }: Chosen, root: string, stack: string): SynthesizedStack {
  const read = (file: string): string => {
    const text = readIfThere(file);
    if (text === undefined) throw new UsageError(`${path.relative(root, file)} is missing; run npm run synth first`);
    return text;
  };
  const zone = stack.slice(`${environment}-zone-`.length);
  const ours = inventory.nodes.filter((node) => stack === `${environment}-zone-${zone}` && node.zone === zone);
  const specs = ours.map(({ name }) => {
    const file = path.join(root, "cdktf.out", "specs", environment, `${name}.json`);
    return parseNodeSpec(read(file), path.relative(root, file));
  });
  const document = JSON.parse(read(path.join(stackFolder(root, stack), "cdk.tf.json"))) as SynthesizedStack["document"];
  return { document, specs };
}

/** The program that cdktf and Terragrunt run. @returns what it prints */
function terraform({ environment }: Chosen, stack: string, cwd: string, args: readonly string[]): string {
  const env = { ...process.env, TF_IN_AUTOMATION: "1", CHECKPOINT_DISABLE: "1" };
  const named = process.env["TERRAFORM_BINARY_NAME"];
  for (const program of named === undefined ? ["terraform", "tofu"] : [named]) {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      ...{ cwd, env, encoding: "utf8", maxBuffer: 1024 ** 3 },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (error && (error as NodeJS.ErrnoException).code === "ENOENT") continue;
    if (error) throw error;
    if (status === 0) return stdout;
    const [said, hint] = [stderr.trim(), hintFor(stderr, { environment })];
    throw new Error(
      `${environment}: ${program} ${args[0]} of ${stack} failed. Nothing was changed.\n${said}${hint === undefined ? "" : `\n${hint}.`}`,
    );
  }
  throw new Error(`${named ?? "terraform"} is not on PATH; install it, or give the plans with --plans`);
}
