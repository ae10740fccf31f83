/** The one line that a test prints for what `npm run bench:deploy` makes a table of. */
export const timingLine = (what: string, ms: number): string => `took: ${what} | ${Math.round(ms)} ms`;

/** @returns what such a line says, or undefined for any other line */
export function parseTimingLine(line: string): { what: string; ms: number } | undefined {
  const found = /took: (.+) \| (\d+) ms$/.exec(line);
  return found ? { what: found[1] ?? "", ms: Number(found[2]) } : undefined;
}
