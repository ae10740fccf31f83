import { describe, expect, it } from "vitest";
import { errorKind } from "../../drill/errors.ts";
import { type DrillResult, judged, type WriterResult } from "../../drill/result.ts";

const writer = (wait: boolean, lost: number | null): WriterResult => ({
  client: "defaults",
  rate: "paced",
  wait,
  acknowledged: 500,
  lost,
  lostFirstMs: null,
  lostLastMs: null,
  repeated: 0,
  errors: {},
  longestGapMs: 10,
  gapBeganMs: 0,
  recovered: true,
});
const drilled = (promise: DrillResult["promise"], writers: WriterResult[], problems: string[] = []): DrillResult =>
  judged(
    {
      environment: "local",
      fault: "crash",
      at: "2026-01-01T00:00:00.000Z",
      promise,
      masterBefore: "redis-a",
      masterAfter: "redis-b",
      wholeAfterMs: 1,
      ownPauseMs: 1,
      writers,
      readers: [],
    },
    problems,
  );

describe("a drill", () => {
  it.each<[boolean, string, DrillResult]>([
    [true, "nothing is lost", drilled("every-write", [writer(false, 0), writer(true, 0)])],
    [false, "a write is lost where none may be", drilled("every-write", [writer(false, 1)])],
    [
      true,
      "a write without WAIT is lost, and only WAIT was promised",
      drilled("wait", [writer(false, 7), writer(true, 0)]),
    ],
    [false, "a write that WAIT confirmed is lost", drilled("wait", [writer(false, 0), writer(true, 1)])],
    [false, "nobody could be asked", drilled("every-write", [writer(false, null)])],
    [false, "the cluster is not whole", drilled("every-write", [writer(false, 0)], ["redis-a does not answer"])],
  ])("holds: %s, when %s", (holds, _, result) => {
    expect(result.holds).toBe(holds);
    expect(result.problems.length > 0).toBe(!holds);
  });

  it("says how many writes of whom are lost", () => {
    expect(drilled("every-write", [writer(true, 3)]).problems).toEqual([
      "3 of 500 acknowledged writes of defaults, WAIT 1 are lost",
    ]);
  });
});

describe("the kind of an error", () => {
  const error = (name: string, message: string, code?: string): Error =>
    Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
  it.each([
    [error("ReplyError", "READONLY You can't write against a read only replica."), "READONLY"],
    [error("ReplyError", "NOREPLICAS Not enough good replicas to write."), "NOREPLICAS"],
    [error("Error", "Connection is closed."), "connection closed"],
    [error("AbortError", "Command aborted due to connection close"), "connection closed"],
    [
      error("MaxRetriesPerRequestError", "Reached the max retries per request limit (which is 20). Refer"),
      "gave up after 20 retries",
    ],
    [error("Error", "read ECONNRESET", "ECONNRESET"), "ECONNRESET"],
    [error("Error", "something else"), "something else"],
  ])("%s is %s", (given, kind) => {
    expect(errorKind(given)).toBe(kind);
  });
});
