import fs from "node:fs";
import { constants } from "node:os";
import { parseArgs } from "node:util";

/**
 * The environment that `npm start` or `npm stop` was called with, after its help and its words on Ctrl-C.
 * @param what it does, for the help
 * @returns the given name, or `local`
 */
export function environmentFor(command: "npm start" | "npm stop", what: string): string {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      // Past the stream, which whoever draws progress holds back.
      fs.writeSync(2, `\n${command} was interrupted. Run it again: what is done is not done twice.\n`);
      process.exit(128 + constants.signals[signal]);
    });
  }
  const usage = `${command} [<environment>]\n\n${what} The environment is local if none is named.\nnpx redis-ha --help has the commands for a cluster that runs.\n`;
  try {
    const options = { help: { type: "boolean", short: "h" } } as const;
    const { values, positionals } = parseArgs({ allowPositionals: true, options });
    if (positionals.length > 1) throw new Error(`one environment at a time, not ${positionals.join(" and ")}`);
    if (!values.help) return positionals[0] ?? "local";
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}
