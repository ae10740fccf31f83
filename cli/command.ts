import type { Command } from "commander";

/** What the commands of `redis-ha` have in common. */

export const exitCodes = `
Exit codes:
  0  it holds, or it is done
  1  it does not hold, or it failed
  2  wrong use: nothing was done`;

/** @param json what `--json` does; false for a command that has no such option */
export function command(
  parent: Command,
  name: string,
  description: string,
  json: string | false = "print one JSON document",
): Command {
  const whole = parent.parent ? `${parent.name()} ${name}` : name;
  const added = parent
    .command(name)
    .description(description)
    .option("--env <name>", "the environment (default: the only one, else local)")
    .showHelpAfterError(`(npx redis-ha ${whole} --help shows the options)`);
  return json === false ? added : added.option("--json", json);
}

/** The end of a command's help. @param examples lines of a shell, each with what it does */
export function help(examples: [string, string][]): string {
  const lines = examples.map(([line, meaning]) => `  $ ${line}\n      ${meaning}`);
  return `\nExamples:\n${lines.join("\n")}\n${exitCodes}`;
}
