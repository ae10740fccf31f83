import path from "node:path";
import { parse } from "@cdktf/hcl2json";
import type { StackGraph } from "../../stacks/terragrunt-units.ts";

/** Part of a synthesized document that other stacks can see. */
export interface StackDocument {
  readonly variable?: object;
}

/** What is read of a terragrunt.hcl, as hcl2json renders it: each block is a list, expressions are `${...}`. */
export interface UnitFile {
  readonly include?: Readonly<Record<string, readonly { readonly path: string }[]>>;
  readonly dependencies?: readonly { readonly paths: readonly string[] }[];
  readonly dependency?: Readonly<Record<string, readonly DependencyBlock[]>>;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

interface DependencyBlock {
  readonly config_path: string;
  readonly mock_outputs?: unknown;
  readonly mock_outputs_allowed_terraform_commands?: readonly string[];
}

export interface Project {
  readonly graph: StackGraph;
  /** By name of the stack. */
  readonly documents: Readonly<Record<string, StackDocument>>;
  /** By folder, `<environment>/<stack>`. */
  readonly units: Readonly<Record<string, UnitFile>>;
}

export const parseUnit = async (text: string): Promise<UnitFile> => (await parse("terragrunt.hcl", text)) as UnitFile;

const knownBlocks = ["include", "dependencies", "dependency", "inputs"];
const stackOf = (folder: string): string => folder.replace("/", "-");

/** Everything in which the units and the synthesized stacks do not fit together, one line each. */
export function problemsOf({ graph, documents, units }: Project): string[] {
  const stacks = Object.keys(units).map(stackOf);
  return [
    ...Object.keys(graph.stacks).flatMap((name) => (stacks.includes(name) ? [] : [`${name}: has no unit`])),
    ...Object.entries(units).flatMap(([folder, unit]) =>
      (graph.stacks[stackOf(folder)]
        ? [...shapeProblems(unit), ...orderProblems(folder, unit, graph), ...valueProblems(folder, unit, documents)]
        : ["its stack is not synthesized"]
      ).map((problem) => `${folder}: ${problem}`),
    ),
  ];
}

/** A unit that brings its own source or backend would drive other code, or another state, than cdktf does. */
function shapeProblems(unit: UnitFile): string[] {
  const root = Object.values(unit.include ?? {})
    .flat()
    .filter((it) => it.path === '${find_in_parent_folders("root.hcl")}');
  return [
    ...(root.length === 1 ? [] : ["does not include root.hcl"]),
    ...Object.keys(unit).flatMap((block) => (knownBlocks.includes(block) ? [] : [`has a block ${block}`])),
  ];
}

function orderProblems(folder: string, unit: UnitFile, graph: StackGraph): string[] {
  const folders = [
    ...(unit.dependencies ?? []).flatMap((it) => it.paths),
    ...dependencyBlocks(unit).map(([, block]) => block.config_path),
  ];
  const terragrunts = folders.map((it) => stackOf(path.posix.join(folder, it))).sort();
  const cdktfs = [...(graph.stacks[stackOf(folder)]?.dependencies ?? [])].sort();
  if (JSON.stringify(terragrunts) === JSON.stringify(cdktfs)) return [];
  return [`comes after [${terragrunts.join(", ")}], for cdktf after [${cdktfs.join(", ")}]`];
}

/** A stack's variables are the outputs of others, all of them at once (see `StackInput`). */
function valueProblems(folder: string, unit: UnitFile, documents: Project["documents"]): string[] {
  const variables = Object.keys(documents[stackOf(folder)]?.variable ?? {});
  const inputs = unit.inputs ?? {};
  return [
    ...variables.flatMap((name) => (name in inputs ? [] : [`gives no value for the variable ${name}`])),
    ...Object.keys(inputs).flatMap((name) =>
      variables.includes(name) ? [] : [`gives a value for ${name}, which is no variable`],
    ),
    ...Object.entries(inputs).flatMap(([name, value]) => {
      if (value !== `\${dependency.${name}.outputs}`) return [`${name} is not dependency.${name}.outputs`];
      return unit.dependency?.[name] ? [] : [`${name}: there is no dependency ${name}`];
    }),
    ...dependencyBlocks(unit).flatMap(([label, block]) => mockProblems(label, block)),
  ];
}

function mockProblems(label: string, block: DependencyBlock): string[] {
  const { mock_outputs: mocks, mock_outputs_allowed_terraform_commands: commands = [] } = block;
  return [
    ...(block.config_path === `../${label}` ? [] : [`takes ${label} from ${block.config_path}`]),
    ...(mocks === `\${include.root.locals.mocks["${label}"]}`
      ? []
      : [`mocks ${label} by something else than root.hcl`]),
    ...["plan", "destroy"].flatMap((it) => (commands.includes(it) ? [] : [`allows no mocks of ${label} in ${it}`])),
    ...(commands.length === 0 || commands.includes("apply") ? [`allows mocks of ${label} in apply`] : []),
  ];
}

const dependencyBlocks = (unit: UnitFile): (readonly [string, DependencyBlock])[] =>
  Object.entries(unit.dependency ?? {}).flatMap(([label, blocks]) => blocks.map((block) => [label, block] as const));
