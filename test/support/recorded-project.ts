import fs from "node:fs/promises";
import path from "node:path";
import type { Environment } from "../../environments/environment.ts";
import { filesBelow } from "../../stacks/sync-folder.ts";
import { synthesize } from "../../stacks/synth.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { temporaryFolder } from "./synth.ts";
import { terraformWith } from "./terraform.ts";

/** What a provisioner ran: its verb and what it was told. */
export interface Call {
  readonly verb: string;
  readonly spec?: NodeSpec;
  readonly node?: Record<string, string>;
}

/** Synthesized stacks whose provisioners only write down how they were called. Gone when the test is over. */
export class RecordedProject {
  private constructor(
    readonly folder: string,
    private readonly terraform: ReturnType<typeof terraformWith>,
  ) {}

  /** @param env for Terraform, see `terraformWith` */
  static async create(env: Readonly<Record<string, string>> = {}): Promise<RecordedProject> {
    return new RecordedProject(path.join(await temporaryFolder(), "a project"), terraformWith(env));
  }

  stackFolder(stack: string): string {
    return path.join(this.folder, "cdktf.out/stacks", stack);
  }

  async synth(environment: Environment): Promise<void> {
    await synthesize({ environments: [environment], outdir: path.join(this.folder, "cdktf.out") });
    await recordCalls(this.folder);
  }

  /** The calls since the last time, in their order. */
  calls(): Promise<Call[]> {
    return callsIn(this.folder);
  }

  async apply(stack: string): Promise<string> {
    await this.terraform(this.stackFolder(stack), "init");
    return this.terraform(this.stackFolder(stack), "apply", "-auto-approve");
  }

  plan(stack: string): Promise<string> {
    return this.run(stack, "plan", "-no-color");
  }

  run(stack: string, ...args: string[]): Promise<string> {
    return this.terraform(this.stackFolder(stack), ...args);
  }
}

/** Puts a program that writes down how it is called in place of the real one, everywhere in a synthesized project. */
export async function recordCalls(project: string): Promise<void> {
  const output = path.join(project, "cdktf.out");
  const text = recorder(path.join(project, "calls"));
  for (const file of await filesBelow(output)) {
    if (file.endsWith("redis-ha.cjs")) await fs.writeFile(path.join(output, file), text);
  }
}

/** The calls since the last time, in their order. */
export async function callsIn(project: string): Promise<Call[]> {
  const file = path.join(project, "calls");
  const lines = (await fs.readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  await fs.rm(file, { force: true });
  return lines.map((line) => JSON.parse(line) as Call);
}

const recorder = (calls: string): string => `
const { REDIS_HA_SPEC: spec, REDIS_HA_NODE: node } = process.env;
const call = { verb: process.argv.slice(2).join(" "), spec: spec && JSON.parse(spec), node: node && JSON.parse(node) };
require("node:fs").appendFileSync(${JSON.stringify(calls)}, JSON.stringify(call) + "\\n");
`;
