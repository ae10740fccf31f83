import fs from "node:fs/promises";
import path from "node:path";
import type { Inventory } from "../topology/inventory.ts";

/** What is read of cdktf's `manifest.json`. */
export interface StackGraph {
  readonly stacks: Readonly<Record<string, { readonly dependencies: readonly string[] }>>;
}

/** One unit of Terragrunt: the folder that drives one stack. */
export interface Unit {
  /** `<environment>/<stack>`, relative to the folder of root.hcl. */
  readonly folder: string;
  /** Folders of the units that come before, relative to this one's. */
  readonly after: readonly string[];
  /** Those of them whose outputs it takes, by the name of its variable (see `StackInput`). */
  readonly takes: Readonly<Record<string, string>>;
}

/**
 * The units of all environments, in the order in which they are applied.
 *
 * @param variables the names of each stack's variables
 * @throws when a stack depends on one that no environment has
 */
export function unitsOf(
  inventory: Inventory,
  graph: StackGraph,
  variables: Readonly<Record<string, readonly string[]>>,
): Unit[] {
  const folders = new Map(
    Object.entries(inventory.environments).flatMap(([environment, { stacks }]) =>
      stacks.map((name) => [name, folderOf(environment, name)] as const),
    ),
  );
  return [...folders].map(([name, folder]) => {
    const before = (graph.stacks[name]?.dependencies ?? []).map((stack) => {
      const other = folders.get(stack);
      if (other === undefined) throw new Error(`stack ${name} depends on ${stack}, which no environment has`);
      return path.posix.relative(folder, other);
    });
    const taken = (variables[name] ?? []).flatMap((variable) => {
      const other = `../${variable}`;
      return before.includes(other) ? [[variable, other] as const] : [];
    });
    return {
      folder,
      after: before.filter((each) => !taken.some(([, other]) => other === each)),
      takes: Object.fromEntries(taken),
    };
  });
}

/**
 * Writes a terragrunt.hcl for every stack that has none. What is there is never changed: it belongs to the user.
 *
 * @param outdir the output folder of a synth that is complete
 * @param terragruntFolder the folder of root.hcl
 * @throws when the output folder has no manifest or no inventory
 */
export async function writeMissingUnits(outdir: string, terragruntFolder: string): Promise<void> {
  const inventory = (await readJson(path.join(outdir, "environments.json"))) as Inventory;
  const graph = (await readJson(path.join(outdir, "manifest.json"))) as StackGraph;
  const variables = await Promise.all(
    Object.keys(graph.stacks).map(async (name) => {
      const document = (await readJson(path.join(outdir, "stacks", name, "cdk.tf.json"))) as { variable?: object };
      return [name, Object.keys(document.variable ?? {})] as const;
    }),
  );
  for (const unit of unitsOf(inventory, graph, Object.fromEntries(variables))) {
    const folder = path.join(terragruntFolder, unit.folder);
    await fs.mkdir(folder, { recursive: true });
    try {
      await fs.writeFile(path.join(folder, "terragrunt.hcl"), unitText(unit), { flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** The text of a unit's terragrunt.hcl. */
function unitText({ after, takes }: Unit): string {
  const taken = Object.entries(takes);
  const longest = Math.max(0, ...taken.map(([name]) => name.length));
  const include = `include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n`;
  return [
    taken.length === 0 ? include : include.replace("}\n", "  expose = true\n}\n").replace("path =", "path   ="),
    ...(after.length === 0 ? [] : [`dependencies {\n  paths = ${JSON.stringify(after)}\n}\n`]),
    ...taken.map(([name, folder]) => dependencyText(name, folder)),
    ...(taken.length === 0
      ? []
      : [
          `inputs = {\n${taken.map(([name]) => `  ${name.padEnd(longest)} = dependency.${name}.outputs\n`).join("")}}\n`,
        ]),
  ].join("\n");
}

/** Before the other stack was ever applied, and when it is gone, each of its outputs is some text. */
const dependencyText = (name: string, folder: string): string => `dependency "${name}" {
  config_path = "${folder}"

  mock_outputs                            = include.root.locals.mocks["${name}"]
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
  mock_outputs_merge_strategy_with_state  = "shallow"
}
`;

/** `local-zone-a` of the environment `local` -> `local/zone-a`. */
function folderOf(environment: string, stack: string): string {
  const prefix = `${environment}-`;
  if (!stack.startsWith(prefix))
    throw new Error(`stack ${stack} of environment ${environment} must be named ${prefix}...`);
  return `${environment}/${stack.slice(prefix.length)}`;
}

const readJson = async (file: string): Promise<unknown> => JSON.parse(await fs.readFile(file, "utf8")) as unknown;
