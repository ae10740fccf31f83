import fs from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { execa } from "execa";
import { Listr } from "listr2";
import { print, progress } from "../../cli/output.ts";
import { baseImage } from "./base.ts";
import { sshConfig } from "./keys.ts";
import { downLab, Lab } from "./lab.ts";
import { type Image, images, type Release, releases } from "./recipe.ts";
import { labNames, maxHosts } from "./records.ts";
import { whyNoLab } from "./requirements.ts";
import { labStatus } from "./status.ts";

/** `npm run lab <command>`: real Debian hosts on this computer, for the target ssh and its tests. */

class UsageError extends Error {}

const exitCodes = `
Exit codes:
  0  it is done, or it holds; of exec and shell: what the command ended with
  1  it failed, or it does not hold
  2  wrong use: nothing was done`;

interface Named {
  readonly name: string;
}

interface UpOptions extends Named {
  readonly hosts: number;
  readonly image: Image;
  readonly release: Release;
}

function buildProgram(done: (code: number) => void): Command {
  const program = new Command("npm run lab --")
    .description("Real Debian hosts on this computer, in a network that no packet leaves. Needs Linux and root.")
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText(
      "after",
      `\nExample: npm run lab -- up --hosts 2 (npm itself takes options before the --)\n${exitCodes}`,
    );
  const command = (name: string, description: string): Command =>
    program.command(name).description(description).option("--name <name>", "which lab", "default");

  command("up", "Make the hosts and boot them; says so when they are up already")
    .option("--hosts <number>", `1 to ${maxHosts}: redis-a at 10.77.0.11 and so on`, hostCount, 3)
    .addOption(choice("--image <image>", "packages: with Redis, Valkey and Node; bare: without", images))
    .addOption(choice("--release <release>", "of Debian", releases))
    .action(async (options: UpOptions) => done(await up(options)));
  command("status", "Show every host: address, state, and whether ssh answers").action(async ({ name }: Named) => {
    const { text, holds } = await labStatus(existing(name));
    print(text);
    done(holds ? 0 : 1);
  });
  command("shell", "Open a shell that reaches the hosts: ssh is set up for their names").action(
    async ({ name }: Named) => done(await shell(existing(name))),
  );
  command("exec", "Run a command that reaches the hosts: npm run lab exec -- ping -c 1 10.77.0.11")
    .argument("<command...>")
    .passThroughOptions()
    .action(async (words: string[], { name }: Named) => done(await inside(existing(name), words)));
  command("down", "End everything that runs in the lab and remove it, a half-made one too").action(
    async ({ name }: Named) => {
      sayWhenInterrupted();
      requireComputer();
      print((await downLab(name)) ? `lab ${name} is removed` : `there is no lab ${name}: nothing to remove`);
    },
  );
  return program;
}

async function up(options: UpOptions): Promise<number> {
  sayWhenInterrupted();
  requireComputer();
  const before = Lab.open(options.name);
  const tasks = new Listr<{ lab?: Lab }>(
    [
      {
        title: `Image ${options.image} of Debian ${options.release}`,
        task: (_, task) =>
          baseImage(options.image, options.release, (line) => (task.output = line)).then(() => undefined),
      },
      {
        title: `Boot ${options.hosts} hosts`,
        task: async (context, task) => {
          context.lab = await Lab.up({ ...options, tell: (line) => (task.output = line) });
        },
      },
    ],
    { rendererOptions: { showErrorMessage: false }, fallbackRendererCondition: !process.stdout.isTTY },
  );
  const { lab } = await tasks.run({}).catch((error: Error) => {
    // The plain renderer has said it as it came.
    throw process.stdout.isTTY ? error : new Error(before ? "up failed" : "up failed; what it had made is removed");
  });
  const { text, holds } = await labStatus(lab!);
  const { name } = options;
  const which = name === "default" ? "" : ` --name ${name}`;
  print(`${before ? `Lab ${name} was up already.\n` : ""}${text}
Shell:   npm run lab${which ? ` -- shell${which}` : " shell"}, then: ssh redis-a
Remove:  npm run lab${which ? ` -- down${which}` : " down"}`);
  return holds ? 0 : 1;
}

/** A shell whose prompt says where it is, and whose `ssh` knows the hosts. */
async function shell(lab: Lab): Promise<number> {
  const { name, folder } = lab.record;
  const file = path.join(folder, "shellrc");
  const config = `'${sshConfig(folder).replaceAll("'", "'\\''")}'`;
  fs.writeFileSync(
    file,
    `[ -f ~/.bashrc ] && . ~/.bashrc
PS1="(lab ${name}) $PS1"
ssh() { command ssh -F ${config} "$@"; }
scp() { command scp -F ${config} "$@"; }
`,
  );
  return inside(lab, ["bash", "--rcfile", file, "-i"]);
}

/** @returns the exit code of the command; 128 and the signal's number when a signal ended it */
async function inside(lab: Lab, command: readonly string[]): Promise<number> {
  // A Ctrl-C is for the command, which hears it too.
  process.on("SIGINT", () => undefined);
  const [file, ...args] = lab.command(command);
  const { exitCode, signal } = await execa(file!, args, { stdio: "inherit", reject: false });
  return exitCode ?? 128 + (signal ? constants.signals[signal] : 0);
}

function requireComputer(): void {
  const why = whyNoLab();
  if (why !== undefined) throw new Error(why);
}

/** @throws when there is no whole lab of this name */
function existing(name: string): Lab {
  requireComputer();
  const lab = Lab.open(name);
  if (lab) return lab;
  const others = labNames().filter((other) => Lab.open(other));
  const there = others.length > 0 ? `; there are: ${others.join(", ")}` : "";
  throw new Error(`there is no lab ${name} (npm run lab up makes one)${there}`);
}

const choice = <T extends string>(flags: string, description: string, values: readonly T[]): Option =>
  new Option(flags, description).choices(values).default(values[0]);

function hostCount(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= maxHosts) return number;
  throw new InvalidArgumentError(`A number from 1 to ${maxHosts} is needed.`);
}

/** npm takes options that stand before a `--` for its own, and passes the rest on as if they had not been there. */
function refuseSwallowedOptions(): void {
  const swallowed = ["hosts", "image", "release"].filter((name) => process.env[`npm_config_${name}`] !== undefined);
  if (swallowed.length === 0) return;
  const options = swallowed.map((name) => `--${name}`).join(" and ");
  throw new UsageError(`npm has kept ${options} for itself: write npm run lab -- up ${options} …`);
}

function sayWhenInterrupted(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      // Past the stream, which whoever draws progress holds back.
      fs.writeSync(2, "\nnpm run lab was interrupted. npm run lab down removes what is half-made.\n");
      process.exit(128 + constants.signals[signal]);
    });
  }
}

async function run(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = buildProgram((result) => (code = result));
  try {
    refuseSwallowedOptions();
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    progress(`npm run lab: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await run(process.argv.slice(2));
