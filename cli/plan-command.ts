import { type Command, InvalidArgumentError } from "commander";
import { allEffects, type Effect, nodeEffects, sharedEffects } from "../plan/effects.ts";
import type { CommonOptions } from "./choice.ts";
import { command, help } from "./command.ts";

interface PlanFlags extends CommonOptions {
  plans?: string;
  failOn?: Effect[];
}

/** Adds `plan`. Nothing of it asks a node. */
export function addPlan(program: Command, done: (code: number) => void): void {
  const names = Object.entries({ ...nodeEffects, ...sharedEffects });
  const width = Math.max(...names.map(([name]) => name.length)) + 2;
  command(program, "plan", "Say what an apply will do to each node: nothing, a restart, another machine, lost data")
    .option("--plans <folder>", "the plans that Terragrunt has written (--json-out-dir), instead of making them now")
    .option("--fail-on <names>", "exit code 1 when an apply does one of these, separated by commas", effects)
    .addHelpText(
      "after",
      [
        "\nWithout --plans, Terraform plans every stack in cdktf.out. Either way, what has changed is synthesized first.",
        "\nNames for --fail-on:",
        ...names.map(([name, meaning]) => `  ${name.padEnd(width)}${meaning}`),
        "\nThe plans have not the last word: at an apply each node's agent asks the cluster as it is then, and stops before it",
        "takes away a node that the others cannot do without.",
      ].join("\n"),
    )
    .addHelpText(
      "after",
      help([
        ["npx redis-ha plan", "the table"],
        [
          "npx redis-ha plan --env prod --fail-on replace,retire,data",
          "in a pipeline: before an apply that asks nobody",
        ],
        [
          'cd terragrunt/prod && npx terragrunt run-all plan --json-out-dir "$plans" && npx redis-ha plan --env prod --plans "$plans"',
          "of Terragrunt's plans; take an empty folder each time",
        ],
        ["npx redis-ha plan --json | jq -r '.nodes[] | select(.effects | length > 0) | .name'", "for scripts"],
      ]),
    )
    .action(async ({ env, json, plans, failOn = [] }: PlanFlags) => {
      const { plan } = await import("./plan.ts");
      done(plan({ env, json: json === true, plans, failOn }));
    });
}

function effects(value: string): Effect[] {
  const names = value.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !allEffects.includes(name as Effect));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${allEffects.join(", ")}.`);
  return names as Effect[];
}
