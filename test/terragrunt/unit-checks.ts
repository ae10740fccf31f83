import path from "node:path";
import { parse } from "@cdktf/hcl2json";
import type { StackGraph } from "../../stacks/terragrunt-units.ts";

/** Part of a synthesized document that other stacks can see. */
export interface StackDocument {
  readonly variable?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>;
  readonly output?: Readonly<Record<string, unknown>>;
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
  readonly mock_outputs?: Readonly<Record<string, unknown>>;
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

function valueProblems(folder: string, unit: UnitFile, documents: Project["documents"]): string[] {
  const variables = documents[stackOf(folder)]?.variable ?? {};
  const inputs = unit.inputs ?? {};
  const missing = Object.entries(variables).filter(([name, it]) => it.default === undefined && !(name in inputs));
  return [
    ...missing.map(([name]) => `gives no value for the variable ${name}`),
    ...Object.keys(inputs).flatMap((name) =>
      variables[name] ? [] : [`gives a value for ${name}, which is no variable`],
    ),
    ...dependencyBlocks(unit).flatMap(([label, block]) => {
      const outputs = documents[stackOf(path.posix.join(folder, block.config_path))]?.output ?? {};
      return mockProblems(label, block, outputs);
    }),
    ...Object.entries(inputs).flatMap(([name, value]) => referenceProblems(unit, folder, documents, name, value)),
  ];
}

function mockProblems(label: string, block: DependencyBlock, outputs: Readonly<Record<string, unknown>>): string[] {
  const commands = block.mock_outputs_allowed_terraform_commands ?? [];
  return [
    ...Object.keys(block.mock_outputs ?? {}).flatMap((name) =>
      name in outputs ? [] : [`mocks dependency.${label}.outputs.${name}, which is no output`],
    ),
    ...["plan", "destroy"].flatMap((it) => (commands.includes(it) ? [] : [`allows no mocks of ${label} in ${it}`])),
    ...(commands.length === 0 || commands.includes("apply") ? [`allows mocks of ${label} in apply`] : []),
  ];
}

function referenceProblems(
  unit: UnitFile,
  folder: string,
  documents: Project["documents"],
  input: string,
  value: unknown,
): string[] {
  const variable = documents[stackOf(folder)]?.variable?.[input];
  const text = JSON.stringify(value);
  return Array.from(text.matchAll(/dependency\.([\w-]+)\.outputs\.([\w-]+)/g), ([whole, label = "", output = ""]) => {
    const block = unit.dependency?.[label]?.[0];
    if (!block) return [`${input}: there is no dependency ${label}`];
    const target = documents[stackOf(path.posix.join(folder, block.config_path))];
    if (!(output in (target?.output ?? {}))) return [`${input}: ${whole} is no output`];
    if (!(output in (block.mock_outputs ?? {}))) return [`${input}: ${whole} has no mock`];
    const mock = block.mock_outputs?.[output];
    if (value === `\${${whole}}` && !hasType(mock, variable?.type ?? "any"))
      return [`${input}: the mock of ${whole} is no ${variable?.type}`];
    return [];
  }).flat();
}

const dependencyBlocks = (unit: UnitFile): (readonly [string, DependencyBlock])[] =>
  Object.entries(unit.dependency ?? {}).flatMap(([label, blocks]) => blocks.map((block) => [label, block] as const));

/** Whether a value is of a Terraform type, as far as the types go that stacks exchange. */
function hasType(value: unknown, type: string): boolean {
  const [, outer, inner] = /^(list|set|map)\((.*)\)$/.exec(type) ?? [];
  if (outer === "map") return isObject(value) && Object.values(value).every((it) => hasType(it, inner ?? "any"));
  if (outer) return Array.isArray(value) && value.every((it) => hasType(it, inner ?? "any"));
  if (type === "bool") return typeof value === "boolean";
  if (type === "string" || type === "number") return typeof value === type;
  return true;
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
