import fs from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe } from "vitest";
import { findTerragrunt, toolEnvironment } from "../../tools/setup/binaries.mjs";
import { temporaryFolder } from "../support/synth.ts";
import { type FixtureStacks, writeOutput } from "./fixture-output.ts";

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

/** A document with one resource that needs no provider. */
export const input = (value: string) => ({ document: { resource: { terraform_data: { it: { input: value } } } } });

const zones = (name: string) => ({
  "zone-a": input(`${name} a`),
  "zone-b": { ...input(`${name} b`), after: ["zone-a"] },
  "zone-c": { ...input(`${name} c`), after: ["zone-b"] },
});

/** Two of the environments that have committed units. */
export const twoEnvironments = { local: zones("local"), "local-pair": zones("local-pair") };

const isAnotherEnvironment = (file: string): boolean => {
  const [folder, environment, ...more] = path.relative(projectRoot, file).split(path.sep);
  const isFile = environment?.includes(".") ?? true;
  return folder === "terragrunt" && !isFile && more.length === 0 && !Object.hasOwn(twoEnvironments, environment ?? "");
};

export interface Outcome {
  readonly exitCode: number | undefined;
  /** What was printed, on stdout and stderr. */
  readonly all: string;
  readonly stdout: string;
}

/**
 * The parts of this project that Terragrunt needs, synthesized, with stacks that start nothing. (`createCheckout` makes
 * a whole clone, with the real stacks.)
 */
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
        filter: (source) => path.basename(source) !== ".terragrunt-cache" && !isAnotherEnvironment(source),
      });
    }
    await fs.symlink(path.join(projectRoot, "node_modules"), copy.at("node_modules"));
    const fixture = JSON.stringify(new URL("fixture-output.ts", import.meta.url).href);
    await fs.writeFile(copy.at("main.ts"), `import { main } from ${fixture};\nawait main(import.meta.dirname);\n`);
    await fs.writeFile(copy.at("package.json"), `{ "type": "module" }\n`);
    await fs.mkdir(copy.at("environments"));
    await copy.describeStacks(stacks);
    // The stamp has whole milliseconds: a source of the same one would count as younger.
    await delay(20);
    await writeOutput(copy.folder, stacks);
    return copy;
  }

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Changes what the copy's synth writes; it is not run. */
  async describeStacks(stacks: FixtureStacks | { readonly error: string }): Promise<void> {
    await fs.writeFile(this.at("environments", "stacks.json"), JSON.stringify(stacks));
  }

  /** Every call of the operator's command so far, oldest first. */
  async converged(): Promise<string[]> {
    const log = await fs.readFile(this.at("converged.log"), "utf8").catch(() => "");
    return log.split("\n").filter((line) => line !== "");
  }

  /** How often the copy's own synth has run. */
  async synthesized(): Promise<number> {
    return (await fs.readFile(this.at("synthesized.log"), "utf8").catch(() => "")).length;
  }

  /** The states that there are, `<environment>/<file>`: what has been applied. */
  async states(): Promise<string[]> {
    const files = await fs.readdir(this.at(".state"), { recursive: true }).catch(() => []);
    return files.filter((file) => file.endsWith(".tfstate")).sort();
  }

  /** Runs the real Terragrunt in a folder of the copy. Fails never: the outcome says how it ended. */
  async terragrunt(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.run(installed?.path ?? "", folder, args, env);
  }

  /** Runs Terraform in the folder of a synthesized stack, as cdktf does. */
  async terraform(stack: string, ...args: string[]): Promise<Outcome> {
    return this.run(tools["TERRAFORM_BINARY_NAME"] ?? "", `cdktf.out/stacks/${stack}`, args);
  }

  /** Fails never: the outcome says how it ended. */
  async run(program: string, folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
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
