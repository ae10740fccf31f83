/** What test/lab/deploy.test.ts measures, and how long it may take at most, in seconds. The id is for programs that compare runs. */
export const TIMED = {
  "deploy-new": {
    what: "`cdktf deploy` of three hosts that have the packages, until `redis-ha verify` holds",
    budget: 15,
  },
  "deploy-again": { what: "`cdktf deploy` again", budget: 5 },
  converge: { what: "`redis-ha converge`" },
  status: { what: "`redis-ha status`" },
  "deploy-live-setting": { what: "`cdktf deploy` that changes a live setting", budget: 10 },
  "deploy-after-failover": { what: "`cdktf deploy` after a failover" },
} as const satisfies Record<string, { readonly what: string; readonly budget?: number }>;

export type TimedId = keyof typeof TIMED;

/** The one line that a test prints for what `npm run bench:deploy` makes a table of. */
export const timingLine = (id: TimedId, ms: number): string => `took: ${id} | ${Math.round(ms)} ms`;

/** @returns what such a line says, or undefined for any other line */
export function parseTimingLine(line: string): { id: TimedId; ms: number } | undefined {
  const found = /took: (\S+) \| (\d+) ms$/.exec(line);
  return found && found[1] && found[1] in TIMED ? { id: found[1] as TimedId, ms: Number(found[2]) } : undefined;
}
