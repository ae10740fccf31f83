import fs from "node:fs/promises";
import path from "node:path";
import { App } from "cdktf";
import { expect } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { type AwsEnvironment, isOnAws } from "../../stacks/aws-environment.ts";
import { awsInput } from "../environments/inputs.ts";
import { temporaryFolder } from "./synth.ts";

export type Blocks = Record<string, Record<string, Record<string, unknown>>>;

/** A stack of an environment on AWS, as Terraform reads it. */
export interface AwsStack {
  readonly resource: Blocks;
  readonly data?: Blocks;
  readonly provider: { readonly aws: readonly Record<string, unknown>[] };
  readonly locals?: unknown;
  readonly output: Record<string, { readonly value: unknown }>;
  readonly terraform: { readonly backend: Record<string, Record<string, unknown>> };
}

/**
 * @param add adds one stack, or several
 * @param name which of them is wanted @default - the only one
 */
export async function awsStack(
  add: (app: App, environment: AwsEnvironment) => unknown,
  change: (input: EnvironmentInput) => void = () => undefined,
  name?: string,
): Promise<AwsStack> {
  const input = awsInput();
  change(input);
  const environment = parseEnvironment(input);
  if (!isOnAws(environment)) throw new Error(`${environment.name} is not on aws`);
  const outdir = await temporaryFolder();
  const app = new App({ outdir, stackTraces: false, hclOutput: false });
  add(app, environment);
  app.synth();
  const stack = name ?? (await fs.readdir(path.join(outdir, "stacks")))[0];
  return JSON.parse(await fs.readFile(path.join(outdir, "stacks", stack ?? "", "cdk.tf.json"), "utf8")) as AwsStack;
}

/** Changes fields of the target. */
export const inTarget = (input: EnvironmentInput, fields: object): void => void Object.assign(input.target, fields);

/** Every block of a type. */
export const allOf = (stack: AwsStack, type: string): Record<string, unknown>[] =>
  Object.values(stack.resource[type] ?? {});

/** The only block of a type. */
export function one(stack: AwsStack, type: string): Record<string, unknown> {
  const found = allOf(stack, type);
  expect(found, type).toHaveLength(1);
  return found[0] ?? {};
}
