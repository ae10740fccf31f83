#!/usr/bin/env node
// @ts-check
// Called by terragrunt/terragrunt.hcl, which Terragrunt reads only when it works from above the environments, or looks
// upwards for dependents. Fails when the command would reach every environment; in doubt it refuses, which is safe.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(project, "terragrunt");
const command = process.argv[2] ?? "";

/** These look at the files of this project only. */
const harmless = ["find", "list", "graph", "render", "print", "validate"];

/**
 * @param {string} program
 * @param {string[]} args
 */
const run = (program, args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

/** Terragrunt's own folder and arguments; it says neither in HCL, and starts us in the folder of the unit. */
function terragruntProcess() {
  const pid = String(process.ppid);
  if (process.platform === "linux")
    return {
      folder: readlinkSync(`/proc/${pid}/cwd`),
      args: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"),
    };
  const open = run("lsof", ["-a", "-p", pid, "-d", "cwd", "-Fn"]);
  return {
    folder:
      open
        .split("\n")
        .find((line) => line.startsWith("n"))
        ?.slice(1) ?? "",
    args: run("ps", ["-o", "command=", "-p", pid]).trim().split(/\s+/),
  };
}

/** The folder that Terragrunt works from, or undefined when it cannot be told. */
function workingFolder() {
  try {
    const { folder: from, args } = terragruntProcess();
    const separator = args.indexOf("--");
    const own = separator < 0 ? args : args.slice(0, separator);
    const at = own.findLastIndex((arg) => /^--?working-dir(=|$)/.test(arg));
    const flag = own[at]?.includes("=") ? own[at]?.replace(/^[^=]*=/, "") : own[at + 1];
    const asked =
      (at < 0 ? undefined : flag) ?? process.env.TG_WORKING_DIR ?? process.env.TERRAGRUNT_WORKING_DIR ?? ".";
    return realpathSync(resolve(from, asked));
  } catch {
    return undefined;
  }
}

/** Terragrunt was started inside one environment and only looked up here, for dependents of a unit. */
function isInsideEnvironment() {
  const from = workingFolder();
  if (!from) return false;
  const path = relative(realpathSync(folder), from);
  return path !== "" && path.split(sep)[0] !== "..";
}

if (!harmless.includes(command) && !isInsideEnvironment()) {
  const environments = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name);
  console.error(
    [
      `From this folder \`terragrunt ${command}\` would reach every environment (${environments.join(", ")}). Nothing has been done.`,
      ...environments.map((name) => `  cd terragrunt/${name}   and run it there for ${name} alone`),
      "  --feature all_environments=true   if you mean all of them",
    ].join("\n"),
  );
  process.exitCode = 1;
}
