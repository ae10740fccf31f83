/** Errors by kind, with how often each came. */
export type ErrorCounts = Readonly<Record<string, number>>;

/** What ioredis itself gives up with has no code of its own, only a sentence. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^Reached the max retries per request limit/, "gave up after 20 retries"],
  [/^Connection is closed/, "connection closed"],
  [/^Command aborted due to connection close/, "connection closed"],
  [/^Command timed out/, "timed out"],
  [/^Socket timeout/, "timed out"],
  [/^All sentinels are unreachable/, "no Sentinel answers"],
];

/** The kind that an error counts as: the server's own word (READONLY, NOREPLICAS, LOADING), a system code, or a few words. */
export function errorKind(error: Error & { code?: string }): string {
  const [, word] = /^([A-Z][A-Z0-9]+) /.exec(error.message) ?? [];
  if (error.name === "ReplyError" && word !== undefined) return word;
  return sentences.find(([pattern]) => pattern.test(error.message))?.[1] ?? error.code ?? error.message.slice(0, 60);
}

/** Counts errors by kind. */
export class ErrorCounter {
  private readonly kinds = new Map<string, number>();

  add(kind: string): void {
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  get counts(): ErrorCounts {
    return Object.fromEntries(this.kinds);
  }
}
