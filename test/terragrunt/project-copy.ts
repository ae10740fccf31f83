import fs from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe } from "vitest";
import { findTerragrunt, toolEnvironment } from "../../tools/setup/binaries.mjs";
import { temporaryFolder } from "../support/synth.ts";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

const installed = await findTerragrunt().catch((error: unknown) => {
  console.warn(`SKIPPED, the tests that need a real Terragrunt: ${(error as Error).message}`);
  return undefined;
});

/** Tests that run the real Terragrunt; skipped, with a warning, on a computer that has none. */
export const describeWithTerragrunt = (name: string, tests: () => void): void => {
  describe.skipIf(!installed)(name, { timeout: 120_000 }, tests);
};

const tools = await toolEnvironment();

/** Part of a stack's document, beside the backend that every stack has. */
export interface FixtureStack {
  readonly after?: readonly string[];
  readonly backend?: unknown;
  readonly document?: Readonly<Record<string, unknown>>;
}

/** Stacks by environment, then by the name of their unit. */
export type FixtureStacks = Readonly<Record<string, Readonly<Record<string, FixtureStack>>>>;

const input = (value: string) => ({ document: { resource: { terraform_data: { it: { input: value } } } } });

/** The environments that the committed units belong to, with a resource each that needs no provider. */
export const twoEnvironments: FixtureStacks = Object.fromEntries(
  ["local", "local-pair"].map((name) => [
    name,
    {
      "zone-a": input(`${name} a`),
      "zone-b": { ...input(`${name} b`), after: ["zone-a"] },
      "zone-c": { ...input(`${name} c`), after: ["zone-b"] },
    },
  ]),
);

export interface Outcome {
  readonly exitCode: number | undefined;
  /** What was printed, on stdout and stderr. */
  readonly all: string;
  readonly stdout: string;
}

/** A copy of the parts of this project that Terragrunt needs, with stacks that start nothing. */
export class ProjectCopy {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The copy is gone when the test is over. */
  static async create(stacks: FixtureStacks = twoEnvironments): Promise<ProjectCopy> {
    const copy = new ProjectCopy(path.join(await fs.realpath(await temporaryFolder()), "a copy"));
    for (const part of ["terragrunt", "tools"]) {
      await fs.cp(path.join(projectRoot, part), copy.at(part), {
        recursive: true,
        filter: (source) => path.basename(source) !== ".terragrunt-cache",
      });
    }
    await fs.symlink(path.join(projectRoot, "node_modules"), copy.at("node_modules"));
    await fs.copyFile(path.join(projectRoot, "test/terragrunt/fixture-main.ts"), copy.at("main.ts"));
    await fs.writeFile(copy.at("package.json"), `{ "type": "module" }\n`);
    await fs.mkdir(copy.at("environments"));
    await copy.describeStacks(stacks);
    return copy;
  }

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Changes what the copy's synth writes; it is not run. */
  async describeStacks(stacks: FixtureStacks): Promise<void> {
    await fs.writeFile(this.at("environments", "stacks.json"), JSON.stringify(stacks));
  }

  /** Every call of the operator's command so far, oldest first. */
  async converged(): Promise<string[]> {
    const log = await fs.readFile(this.at("converged.log"), "utf8").catch(() => "");
    return log.split("\n").filter((line) => line !== "");
  }

  /** How often the copy has been synthesized. */
  async synthesized(): Promise<number> {
    return (await fs.readFile(this.at("synthesized.log"), "utf8").catch(() => "")).length;
  }

  /** Runs the real Terragrunt in a folder of the copy. Fails never: the outcome says how it ended. */
  async terragrunt(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.run(installed?.path ?? "", folder, args, env);
  }

  /** Runs the wrapper as `npx terragrunt` does. */
  async wrapper(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.run(this.at("node_modules/.bin/terragrunt"), folder, args, env);
  }

  /** Runs Terraform in the folder of a synthesized stack, as cdktf does. */
  async terraform(stack: string, ...args: string[]): Promise<Outcome> {
    return this.run(tools["TERRAFORM_BINARY_NAME"] ?? "", `cdktf.out/stacks/${stack}`, args, {});
  }

  async run(program: string, folder: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
    const cwd = this.at(folder);
    const { exitCode, all, stdout } = await execa(program, args, {
      cwd,
      all: true,
      reject: false,
      stdin: "ignore",
      env: { ...tools, TG_NO_COLOR: "true", TF_IN_AUTOMATION: "1", PWD: cwd, ...env },
      extendEnv: false,
      timeout: 60_000,
    });
    return { exitCode, all, stdout };
  }
}
