import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits for an answer, but not for ever. Whatever it comes from goes on: to end that is up to who began it.
 * @param withinMs @default - for ever
 * @throws with the complaint when the time is over, or what the answer itself throws
 */
export async function within<T>(
  withinMs: number | undefined,
  answer: Promise<T>,
  complaint = "no answer in time",
): Promise<T> {
  if (withinMs === undefined) return answer;
  const over = new AbortController();
  const late = delay(withinMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(complaint);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    over.abort();
    // The one that came second is of no concern any more.
    late.catch(() => undefined);
    answer.catch(() => undefined);
  }
}
