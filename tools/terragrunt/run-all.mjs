// @ts-check
import { flagsOfToday, goneFlags, otherFlagsWithValue, renamedFlags, replacedFlags } from "./flags.mjs";

/**
 * Commands of Terragrunt itself that `run-all` took, and their form of today. Every other command is Terraform's.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const ownCommands = {
  "graph-dependencies": ["dag", "graph"],
  hclfmt: ["hcl", "fmt"],
  hclvalidate: ["hcl", "validate"],
  "output-module-groups": ["find", "--dag", "--json"],
  "render-json": ["render", "--all", "--json", "-w"],
  "terragrunt-info": ["info", "print", "--all"],
  "validate-inputs": ["hcl", "validate", "--inputs"],
};

/**
 * @typedef {object} Today
 * @property {string[]} args what Terragrunt 1.x understands
 * @property {boolean} translated false: the arguments are the given ones
 * @property {string[]} notes what the user should know of flags that were left out
 */

/**
 * Puts `terragrunt run-all ...`, which is gone since Terragrunt 0.90, into today's form, its flags included:
 * `run-all apply -auto-approve --terragrunt-parallelism 1` is `run --all --parallelism 1 -- apply -auto-approve`.
 * Everything else is left as it is.
 *
 * @param {readonly string[]} argv the arguments after the program's name
 * @returns {Today}
 */
export function inTodaysForm(argv) {
  const before = argv.indexOf("--");
  const own = before < 0 ? [...argv] : argv.slice(0, before);
  const forTerraform = before < 0 ? [] : argv.slice(before + 1);

  const { words, flags, notes } = sort(own);
  if (words[0] !== "run-all") return { args: [...argv], translated: false, notes: [] };

  if (own.some((arg) => arg === "--help" || arg === "-h"))
    return { args: ["run", "--help"], translated: true, notes: [] };

  const [command, ...rest] = [...words.slice(1), ...forTerraform];
  const todays = command === undefined ? undefined : ownCommands[command];
  if (todays) return { args: [...todays, ...flags, ...rest], translated: true, notes };
  const terraform = command === undefined ? [] : ["--", command, ...rest];
  return { args: ["run", "--all", ...flags, ...terraform], translated: true, notes };
}

/**
 * Parts Terragrunt's flags from the words and from Terraform's flags, which keep their order.
 *
 * @param {string[]} args
 */
function sort(args) {
  /** @type {{ words: string[], flags: string[], notes: string[] }} */
  const sorted = { words: [], flags: [], notes: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const flag = parse(arg);
    if (!flag) {
      sorted.words.push(arg);
    } else if ("gone" in flag) {
      sorted.notes.push(`${arg} is left out: ${flag.gone}`);
    } else {
      sorted.flags.push(flag.today);
      const value = args[i + 1];
      if (flag.takesValue && !arg.includes("=") && value !== undefined) {
        sorted.flags.push(value);
        i++;
      }
    }
  }
  return sorted;
}

/**
 * A flag of Terragrunt, old or new, in its form of today; undefined for anything else.
 *
 * @param {string} arg
 * @returns {{ today: string, takesValue: boolean } | { gone: string } | undefined}
 */
function parse(arg) {
  const old = /^--?terragrunt-([^=]+)(=.*)?$/s.exec(arg);
  if (old) {
    const [, name = "", value = ""] = old;
    const gone = goneFlags.get(name);
    if (gone) return { gone };
    const replaced = replacedFlags.get(name);
    if (replaced) return { today: replaced, takesValue: false };
    const today = renamedFlags.get(name) ?? name;
    return { today: `--${today}${value}`, takesValue: takesValue(today) };
  }
  const name = /^--([^=]+)/.exec(arg)?.[1];
  if (name !== undefined && flagsOfToday.has(name)) return { today: arg, takesValue: takesValue(name) };
  return undefined;
}

/** @param {string} name */
const takesValue = (name) => flagsOfToday.get(name) ?? otherFlagsWithValue.includes(name);
