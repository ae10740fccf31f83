import { NOTHING_TO_CHANGE } from "./not-applied.ts";

/** What is waited for, on the error stream: it is no result. */
export const tell =
  (node: string) =>
  (line: string): void =>
    void process.stderr.write(`${node}: ${line}\n`);

/** What a step has done. */
export function say(node: string, done: readonly string[]): void {
  process.stdout.write(`${node}: ${done.length > 0 ? done.join(", ") : NOTHING_TO_CHANGE}\n`);
}
