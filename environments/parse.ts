import { totalmem } from "node:os";
import { environmentSchema, type Environment, type EnvironmentInput } from "./environment.ts";
import { environmentFile, InvalidEnvironmentError } from "./invalid-environment-error.ts";
import { problemsOf } from "./rules.ts";
import { problemsAcross } from "./rules/across.ts";
import type { Problem } from "./rules/rule.ts";
import { readShape } from "./shape.ts";

export { InvalidEnvironmentError } from "./invalid-environment-error.ts";

export interface ParseOptions {
  /**
   * Memory of the computer that `local` environments run on, in MiB.
   * @default - of this computer
   */
  readonly computerMemoryMb?: number;
}

/** The file of an environment, or its place in the list while it has no usable name. */
function sourceOf(input: unknown, index: number): string {
  const name = environmentSchema.shape.name.safeParse((input as { name?: unknown } | null | undefined)?.name);
  return name.success ? environmentFile(name.data) : `environments/index.ts: entry ${index + 1}`;
}

/**
 * Checks environments, each by itself and against the others, and fills in every default. The input is not changed.
 * @throws InvalidEnvironmentError with every problem of every environment.
 */
export function parseEnvironments(inputs: readonly EnvironmentInput[], options: ParseOptions = {}): Environment[] {
  const { computerMemoryMb = totalmem() / 2 ** 20 } = options;
  const environments: Environment[] = [];
  const problems: Problem[] = [];
  for (const [index, input] of inputs.entries()) {
    const shape = readShape(input);
    if ("environment" in shape) environments.push(shape.environment);
    const found = "problems" in shape ? shape.problems : problemsOf(shape.environment, computerMemoryMb);
    const source = sourceOf(input, index);
    problems.push(...found.map(({ path, message }) => ({ path: path ? `${source}: ${path}` : source, message })));
  }
  problems.push(...problemsAcross(environments));
  if (problems.length > 0) throw new InvalidEnvironmentError(problems);
  return environments;
}

/**
 * Checks one environment and fills in every default.
 * @throws InvalidEnvironmentError with every problem that it has.
 */
export function parseEnvironment(input: EnvironmentInput, options: ParseOptions = {}): Environment {
  const [environment] = parseEnvironments([input], options);
  if (!environment) throw new Error("one environment in, none out");
  return environment;
}
