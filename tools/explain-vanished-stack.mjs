#!/usr/bin/env node
// @ts-check
// Called by terragrunt/root.hcl for a unit whose stack is not in the synthesized output. Always fails.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [environment = "", stack = ""] = process.argv.slice(2);
const state = join(".state", environment, `${environment}-${stack}.tfstate`);
const described = existsSync(join(project, "environments", `${environment}.ts`));
const part = stack.startsWith("zone-") ? `zone ${stack.slice("zone-".length)}` : stack;

console.error(
  [
    `terragrunt/${environment}/${stack}: the synthesized output has no stack for this unit: ` +
      (described ? `environments/${environment}.ts describes no ${part}.` : `there is no environment ${environment}.`),
    `Is it gone for good, and was it emptied and applied before? Remove the folder terragrunt/${environment}/${stack}.`,
    `Otherwise put it back (${part}, with \`nodes: []\` to empty it) and apply: until then its nodes run on, and only its state knows them` +
      (existsSync(join(project, state)) ? ` (${state}).` : "."),
  ].join("\n"),
);
process.exitCode = 1;
