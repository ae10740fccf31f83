import type { ErrorCounts } from "./errors.ts";
import type { Rate } from "./writer.ts";

/** Everything that a drill has found out: what `redis-ha drill --json` prints, a contract described in docs/json.md. */
export interface DrillResult {
  readonly version: 1;
  readonly environment: string;
  readonly fault: string;
  /** Date and time at which the drill broke the cluster, ISO 8601. */
  readonly at: string;
  readonly promise: "every-write" | "wait";
  /** Nothing that was promised is lost, and the cluster is whole again. */
  readonly holds: boolean;
  /** Why it does not hold, as sentences for people. */
  readonly problems: readonly string[];
  readonly masterBefore: string;
  /** The node that the Sentinels name and that says so itself; null when there is none. */
  readonly masterAfter: string | null;
  /** From the fault until every node answered, linked and agreed; null = not within a minute. */
  readonly wholeAfterMs: number | null;
  /** Longest time that the drill's own program stood still meanwhile: no figure is more exact than this. Null: not measured. */
  readonly ownPauseMs: number | null;
  readonly writers: readonly WriterResult[];
  readonly readers: readonly ReaderResult[];
}

/** Times are in milliseconds, counted from the fault. */
interface ClientResult {
  /** `defaults`, `recommended`, or where else it is: for people. */
  readonly client: string;
  /** By kind, over the whole drill. Null: this drill does not count them. */
  readonly errors: ErrorCounts | null;
  /** Longest time without a success, from the fault on. Null: this drill does not measure it. */
  readonly longestGapMs: number | null;
  /** When that began; negative = before the fault. */
  readonly gapBeganMs: number | null;
  /** False: without a success until the end of the drill. */
  readonly recovered: boolean;
}

export interface WriterResult extends ClientResult {
  readonly rate: Rate;
  /** Only writes that a replica has too count as acknowledged (WAIT 1). */
  readonly wait: boolean;
  readonly acknowledged: number;
  /** Acknowledged writes that are not there at the end; null when no master could be asked. */
  readonly lost: number | null;
  /** When the first and the last of them were acknowledged. */
  readonly lostFirstMs: number | null;
  readonly lostLastMs: number | null;
  /** Writes that the server had already when they arrived: the client had sent them again. */
  readonly repeated: number;
}

export interface ReaderResult extends ClientResult {
  readonly reads: number;
  /** Reads that did not find a write which had been acknowledged half a second before. */
  readonly stale: number;
}

/** Writers whose acknowledged writes must all be there. */
export const promised = (result: Pick<DrillResult, "promise" | "writers">): WriterResult[] =>
  result.writers.filter(({ wait }) => wait || result.promise === "every-write");

/** The result with its verdict. Pure. @param problems what else is wrong */
export function judged(result: Omit<DrillResult, "version" | "holds" | "problems">, problems: string[]): DrillResult {
  const lost = promised(result).flatMap(({ lost: count, client, wait, acknowledged }) => {
    if (count === 0) return [];
    const who = `${client}${wait ? ", WAIT 1" : ""}`;
    if (count === null) return [`what became of the ${acknowledged} writes of ${who} is not known: there is no master`];
    return [`${count} of ${acknowledged} acknowledged writes of ${who} are lost`];
  });
  const found = [...problems, ...lost];
  return { version: 1, ...result, holds: found.length === 0, problems: found };
}

/** To a tenth of a millisecond, which is more than a client can know. */
export const rounded = (ms: number): number => Math.round(ms * 10) / 10;
