import fs from "node:fs/promises";
import path from "node:path";
import type { Inventory } from "../topology/inventory.ts";

/** What is read of cdktf's `manifest.json`. */
export interface StackGraph {
  readonly stacks: Readonly<Record<string, { readonly dependencies: readonly string[] }>>;
}

/** A variable of a stack that Terragrunt fills from another stack's output. */
export interface UnitInput {
  /** Name of the variable. */
  readonly variable: string;
  /** Name of the stack that has the output. */
  readonly stack: string;
  readonly output: string;
  /** Stands in while the other stack has not been applied, in plans, and when it is gone already, in destroys. */
  readonly mock: unknown;
}

/** One unit of Terragrunt: the folder that drives one stack. */
export interface Unit {
  /** Name of the stack. */
  readonly name: string;
  /** `<environment>/<stack>`, relative to the folder of root.hcl. */
  readonly folder: string;
  /** Folders of the units that come before, relative to this one's. */
  readonly after: readonly string[];
  readonly inputs: readonly (UnitInput & { readonly folder: string })[];
}

/**
 * The units of all environments, in the order in which they are applied.
 *
 * @param inputs by name of the stack that takes them; what a unit takes a value from needs no entry of its own in the order
 * @throws when a stack depends on one that no environment has
 */
export function unitsOf(
  inventory: Inventory,
  graph: StackGraph,
  inputs: Readonly<Record<string, readonly UnitInput[]>> = {},
): Unit[] {
  const folders = new Map(
    Object.entries(inventory.environments).flatMap(([environment, { stacks }]) =>
      stacks.map((name) => [name, folderOf(environment, name)] as const),
    ),
  );
  const fromUnit = (unit: string, stack: string): string => {
    const folder = folders.get(stack);
    if (folder === undefined) throw new Error(`stack ${unit} depends on ${stack}, which no environment has`);
    return path.posix.relative(folders.get(unit) ?? "", folder);
  };
  return [...folders].map(([name, folder]) => {
    const takes = (inputs[name] ?? []).map((input) => ({ ...input, folder: fromUnit(name, input.stack) }));
    const before = graph.stacks[name]?.dependencies ?? [];
    const after = before
      .map((stack) => fromUnit(name, stack))
      .filter((it) => !takes.some((input) => input.folder === it));
    return { name, folder, after, inputs: takes };
  });
}

/** The text of a unit's terragrunt.hcl. */
export function unitText({ after, inputs }: Unit): string {
  const blocks = [`include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n`];
  if (after.length > 0) blocks.push(`dependencies {\n  paths = ${JSON.stringify(after)}\n}\n`);
  for (const folder of new Set(inputs.map((input) => input.folder))) {
    blocks.push(
      dependencyBlock(
        folder,
        inputs.filter((input) => input.folder === folder),
      ),
    );
  }
  if (inputs.length > 0) {
    const values = inputs.map((it) => [it.variable, `dependency.${labelOf(it.folder)}.outputs.${it.output}`] as const);
    blocks.push(`inputs = {\n${attributes(values, "  ")}}\n`);
  }
  return blocks.join("\n");
}

/**
 * Writes a terragrunt.hcl for every stack that has none. What is there is never changed: it belongs to the user.
 *
 * @param outdir the output folder of a synth that is complete
 * @param terragruntFolder the folder of root.hcl
 * @returns the folders of the units that were written, relative to that folder
 * @throws when the output folder has no manifest or no inventory
 */
export async function writeMissingUnits(outdir: string, terragruntFolder: string): Promise<string[]> {
  const inventory = (await readJson(path.join(outdir, "environments.json"))) as Inventory;
  const graph = (await readJson(path.join(outdir, "manifest.json"))) as StackGraph;
  const written: string[] = [];
  for (const unit of unitsOf(inventory, graph)) {
    const folder = path.join(terragruntFolder, unit.folder);
    await fs.mkdir(folder, { recursive: true });
    try {
      await fs.writeFile(path.join(folder, "terragrunt.hcl"), unitText(unit), { flag: "wx" });
      written.push(unit.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  return written;
}

/** `local-zone-a` of the environment `local` -> `local/zone-a`. */
function folderOf(environment: string, stack: string): string {
  const prefix = `${environment}-`;
  if (!stack.startsWith(prefix))
    throw new Error(`stack ${stack} of environment ${environment} must be named ${prefix}...`);
  return `${environment}/${stack.slice(prefix.length)}`;
}

function dependencyBlock(folder: string, inputs: readonly UnitInput[]): string {
  const mocks = new Map(inputs.map(({ output, mock }) => [output, literal(mock)]));
  return [
    `dependency ${JSON.stringify(labelOf(folder))} {`,
    `  config_path = ${JSON.stringify(folder)}`,
    ``,
    `  mock_outputs = {`,
    `${attributes([...mocks], "    ")}  }`,
    `  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]`,
    `  mock_outputs_merge_strategy_with_state  = "shallow"`,
    `}`,
    ``,
  ].join("\n");
}

/** `../../shared/network` -> `shared_network`: a name that HCL expressions take as it is. */
const labelOf = (folder: string): string => folder.replace(/^(\.\.\/)+/, "").replaceAll(/[^a-z0-9]+/g, "_");

/** A JSON value as HCL takes it literally. */
const literal = (value: unknown): string => JSON.stringify(value).replaceAll(/[$%](?=\{)/g, "$&$&");

/** Attributes with their equals signs in one column, as `terragrunt hcl fmt` wants them. */
function attributes(values: readonly (readonly [string, string])[], indent: string): string {
  const width = Math.max(...values.map(([name]) => name.length));
  return values.map(([name, value]) => `${indent}${name.padEnd(width)} = ${value}\n`).join("");
}

const readJson = async (file: string): Promise<unknown> => JSON.parse(await fs.readFile(file, "utf8")) as unknown;
