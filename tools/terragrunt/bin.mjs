#!/usr/bin/env node
// @ts-check
// `npx terragrunt`: the real Terragrunt, with the environment that both drivers share, and with `run-all` still understood.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { toolEnvironment } from "../setup/binaries.mjs";
import { Interrupted } from "../setup/run-step.mjs";
import { ensureTerragrunt } from "../setup/terragrunt.mjs";
import { inTodaysForm } from "./run-all.mjs";

// Hooks may call Terragrunt again, but a program on PATH that only hands over to the next `terragrunt` would find us
// again and again.
const depthVariable = "REDIS_HA_TERRAGRUNT_DEPTH";
const deepest = 5;

async function prepare() {
  const depth = Number(process.env[depthVariable] ?? 0) + 1;
  if (depth > deepest)
    throw new Error(
      `terragrunt has called itself ${deepest} times. Is a \`terragrunt\` on PATH a script that calls \`terragrunt\`? ` +
        "Put the folder of the real one first on PATH.",
    );
  const environment = await toolEnvironment();
  // Second: without Terraform, building Terragrunt would be in vain.
  const terragrunt = await ensureTerragrunt();
  // Into a file or a pipe, colours would stand between the words that somebody looks for. Terragrunt asks nobody about that.
  const plain = process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? {} : { TG_NO_COLOR: "true" };
  return { program: terragrunt.path, env: { ...plain, ...environment, [depthVariable]: String(depth) } };
}

/**
 * What is wrong with an environment is said once. Terragrunt would find it in every unit, and say so around each.
 *
 * @returns {boolean} false: it has been said
 */
function synthesized() {
  for (let folder = process.cwd(); folder !== dirname(folder); folder = dirname(folder)) {
    const ensure = join(folder, "tools", "ensure-synthesized.mjs");
    if (existsSync(ensure)) return spawnSync(process.execPath, [ensure], { stdio: "inherit" }).status === 0;
  }
  return true;
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function run(program, args, env) {
  const child = spawn(program, args, { stdio: "inherit", env });
  // The terminal sends Ctrl-C to Terragrunt and Terraform as well; a second one would make Terraform give up its state.
  const forwarded = /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"]);
  for (const signal of forwarded) {
    process.on(signal, () => {
      const fromTerminal = (signal === "SIGINT" || signal === "SIGQUIT") && process.stdin.isTTY;
      if (!fromTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(`${program} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  });
}

try {
  const { args, translated, notes } = inTodaysForm(process.argv.slice(2));
  const { program, env } = await prepare();
  if (translated) console.error(`run-all is now: terragrunt ${args.join(" ")}`);
  for (const note of notes) console.error(note);
  if (!translated || args.includes("--help") || synthesized()) run(program, args, env);
  else process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
}
