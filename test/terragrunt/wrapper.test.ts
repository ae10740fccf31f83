import fs from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { toolEnvironment } from "../../tools/setup/binaries.mjs";
import { flagsOfToday } from "../../tools/terragrunt/flags.mjs";
import { temporaryFolder } from "../support/synth.ts";
import {
  describeWithTerragrunt,
  input,
  type Outcome,
  ProjectCopy,
  projectRoot,
  twoEnvironments,
} from "./project-copy.ts";

const bin = path.join(projectRoot, "node_modules/.bin/terragrunt");

/** A program named terragrunt, new enough, that runs a line of shell when it is asked for anything but its version. */
async function fakeTerragrunt(folder: string, shell: string): Promise<string> {
  await fs.mkdir(folder, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "terragrunt version v1.1.3"; exit; fi\n${shell}\n`;
  await fs.writeFile(path.join(folder, "terragrunt"), script, { mode: 0o755 });
  return folder;
}

async function withFirstOnPath(...folders: string[]): Promise<NodeJS.ProcessEnv> {
  const env = await toolEnvironment();
  return { ...env, PATH: [...folders, env["PATH"]].join(path.delimiter) };
}

/** As `npx terragrunt run-all ...` does. */
const runAll = (copy: ProjectCopy, args: string): Promise<Outcome> =>
  copy.run(bin, "terragrunt/local", ["run-all", ...args.split(" ")]);

describeWithTerragrunt("npx terragrunt run-all", () => {
  test("plan, apply, output and destroy work end to end", async () => {
    const copy = await ProjectCopy.create();

    const plan = await runAll(copy, "plan -detailed-exitcode --terragrunt-log-level info");
    expect(plan.exitCode).toBe(2); // Terraform's "there are changes"
    expect(plan.all.match(/will be created/g)).toHaveLength(3);
    expect(plan.all).toContain("run-all is now: terragrunt run --all --log-level info -- plan -detailed-exitcode");

    const apply = await runAll(copy, "apply -auto-approve --terragrunt-non-interactive --terragrunt-parallelism 1");
    expect(apply).toMatchObject({ exitCode: 0 });
    expect(await copy.states()).toHaveLength(3);

    const output = await runAll(copy, "output -json --terragrunt-forward-tf-stdout");
    expect(output).toMatchObject({ exitCode: 0, stdout: "{}\n{}\n{}" });

    const destroy = await runAll(copy, "destroy --terragrunt-non-interactive --terragrunt-exclude-dir zone-a");
    expect(destroy).toMatchObject({ exitCode: 0 });
    expect(destroy.all.match(/1 destroyed/g)).toHaveLength(2);
  });

  test("shows which lines of a configuration change, as the README has it", async () => {
    const withText = (text: string) => ({ local: { ...twoEnvironments.local, "zone-a": input(text) } });
    const copy = await ProjectCopy.create({ ...twoEnvironments, ...withText("port 1\nmaxmemory 1\n") });
    await runAll(copy, "apply -auto-approve --non-interactive");
    await copy.describeStacks({ ...twoEnvironments, ...withText("port 1\nmaxmemory 2\n") });
    // As Terragrunt has them by itself.
    const colours = { TG_NO_COLOR: undefined, NO_COLOR: undefined };

    const script = `${bin} run-all plan 2>/dev/null | grep ' [-+] '`;
    const { all } = await copy.run("bash", "terragrunt/local", ["-c", script], colours);

    expect(all.split("\n").map((line) => line.replace(/^.*terraform: +/, ""))).toEqual([
      "- maxmemory 1",
      "+ maxmemory 2",
    ]);
    // On a terminal Terragrunt has its colours.
    const terminal = await copy.run(
      "script",
      "terragrunt/local",
      ["-qec", `${bin} run-all plan`, "/dev/null"],
      colours,
    );
    expect(terminal.all).toContain("\u001b[");
  });

  test("says once what is wrong with an environment", async () => {
    const copy = await ProjectCopy.create();
    const invalid = { error: "environments/local.ts: zones.c.nodes: 2 Sentinels cannot elect a master" };
    await copy.describeStacks(invalid);

    const { exitCode, all } = await runAll(copy, "plan");

    expect(exitCode).toBe(1);
    expect(all.split(invalid.error)).toHaveLength(2);
    expect(all).toContain("Nothing has been applied.");
    expect(all).not.toContain("ERROR");
  });

  test("an apply that nobody confirms is not done, because nobody answers the question", async () => {
    const copy = await ProjectCopy.create();

    const outcome = await runAll(copy, "apply");

    expect(outcome.exitCode).toBe(1);
    expect(outcome.all).toContain("Are you sure you want to run 'terragrunt apply' in each unit");
    expect(outcome.all).toMatch(/ERROR +EOF/);
    expect(await copy.states()).toEqual([]);
  });

  test("Terragrunt takes its own commands as they are put today", async () => {
    const copy = await ProjectCopy.create();
    const commands = [
      "render-json --terragrunt-non-interactive",
      "terragrunt-info",
      "validate-inputs --terragrunt-strict-validate",
      "hclfmt",
      "output-module-groups",
      "graph-dependencies",
    ];

    // One after the other: some of them write into the folders that the others read.
    for (const command of commands) {
      const outcome = await runAll(copy, command);
      expect(outcome, command).toMatchObject({ exitCode: 0 });
      // What Terragrunt answers, with success, to a subcommand that it does not have.
      expect(outcome.all, command).not.toContain("Usage:");
    }
  });

  test("the flags that the wrapper knows are those of today's Terragrunt", async () => {
    const copy = await ProjectCopy.create();
    const help = await copy.terragrunt("terragrunt/local", ["run", "--help"]);
    const lines = help.all.matchAll(/^ +--([a-z-]+)(?:, -\w)?( value)?/gm);
    const listed = new Map(Array.from(lines, ([, name = "", value]) => [name, value !== undefined]));
    const unlisted: string[] = [];

    expect([...listed.keys()].filter((name) => !flagsOfToday.has(name))).toEqual(["all", "graph", "help", "version"]);
    for (const [name, takesValue] of flagsOfToday) {
      if (listed.has(name)) expect(listed.get(name), name).toBe(takesValue);
      else unlisted.push(`--${name}`, ...(takesValue ? ["1"] : []));
    }

    // Terragrunt also takes flags that it does not list; the first that it does not know would be named.
    const version = await copy.terragrunt("terragrunt/local", ["run", ...unlisted, "--", "version"]);
    expect(version.all).not.toContain("is not a Terragrunt flag");
    expect(version).toMatchObject({ exitCode: 0 });
  });
});

test("the first real Terragrunt on PATH is run: neither itself nor another npm wrapper", async () => {
  const folder = await temporaryFolder();
  const wrapperOfAnother = await fakeTerragrunt(path.join(folder, "node_modules/.bin"), "echo wrong");
  const real = await fakeTerragrunt(path.join(folder, "real"), 'echo "real: $*"');

  const env = await withFirstOnPath(path.dirname(bin), wrapperOfAnother, real);
  const { stdout } = await execa(bin, ["stack", "run", "plan"], { env, extendEnv: false });

  expect(stdout).toBe("real: stack run plan");
});

test("what it starts has the environment of both drivers, and the folder as the shell names it", async () => {
  const folder = await temporaryFolder();
  await fs.mkdir(path.join(folder, "place"));
  await fs.symlink("place", path.join(folder, "link"));
  const real = await fakeTerragrunt(path.join(folder, "real"), "printenv PWD CHECKPOINT_DISABLE TG_TF_PATH");
  const { TG_TF_PATH: terraform = "" } = await toolEnvironment();

  const cwd = path.join(folder, "link");
  const env = { ...(await withFirstOnPath(real)), PWD: cwd, CHECKPOINT_DISABLE: "", TG_TF_PATH: "" };
  const { stdout } = await execa(bin, ["x"], { cwd, env, extendEnv: false });

  expect(stdout.split("\n")).toEqual([cwd, "1", terraform]);
});

test("a terragrunt on PATH that calls terragrunt again is noticed", async () => {
  const folder = await temporaryFolder();
  const shim = await fakeTerragrunt(path.join(folder, "shim"), `exec "${bin}" "$@"`);

  const outcome = await execa(bin, ["plan"], { env: await withFirstOnPath(shim), extendEnv: false, reject: false });

  expect(outcome.exitCode).toBe(1);
  expect(outcome.stderr).toContain("terragrunt has called itself");
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("%s is handed on, and the exit status is Terragrunt's", async (signal, status) => {
  const folder = await temporaryFolder();
  const started = path.join(folder, "started");
  const wait = `trap 'echo told; exit 7' ${signal.slice(3)}; : > "${started}"; while :; do sleep 0.05; done`;
  const real = await fakeTerragrunt(path.join(folder, "real"), wait);
  const dies = await fakeTerragrunt(path.join(folder, "dies"), `kill -${signal.slice(3)} $$`);

  const running = execa(bin, ["x"], {
    env: await withFirstOnPath(real),
    extendEnv: false,
    reject: false,
    stdin: "ignore",
  });
  await expect.poll(() => fs.stat(started).catch(() => undefined), { timeout: 10_000 }).toBeDefined();
  running.kill(signal);
  expect(await running).toMatchObject({ exitCode: 7, stdout: "told" });

  const killed = await execa(bin, ["x"], { env: await withFirstOnPath(dies), extendEnv: false, reject: false });
  expect(killed.exitCode).toBe(status);
});
