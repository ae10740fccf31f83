import pc from "picocolors";

/** Colours for people at a terminal only: not into files, pipes or CI logs, and not with NO_COLOR. */
const wanted = process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
export const colours = pc.createColors(wanted && process.stdout.isTTY === true);

/** Results go to stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and warnings go to stderr, so that stdout can be piped on. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A word of a command, for a POSIX shell. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * A reader that has seen enough (`| head`) must neither crash the command nor stop it half-way: what is under way on
 * the nodes goes on, and the exit code still tells the result.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/** Ends the process when everything is written: a socket that is still closing must not hold it. */
export function finish(code: number): void {
  process.exitCode = code;
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}
