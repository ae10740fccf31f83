import { expect, it } from "vitest";
import { drillText } from "../../cli/drill.ts";
import { judged, type WriterResult } from "../../drill/result.ts";

const plain: WriterResult = {
  client: "defaults",
  rate: "paced",
  wait: false,
  acknowledged: 1000,
  lost: 0,
  lostFirstMs: null,
  lostLastMs: null,
  repeated: 2,
  errors: { READONLY: 3, NOREPLICAS: 1 },
  longestGapMs: 3456,
  gapBeganMs: -4,
  recovered: true,
};
const text = (writers: WriterResult[], promise: "every-write" | "wait" = "every-write"): string =>
  drillText(
    judged(
      {
        environment: "local",
        fault: "crash",
        at: "2026-01-01T00:00:00.000Z",
        promise,
        masterBefore: "redis-a",
        masterAfter: "redis-b",
        wholeAfterMs: 5200,
        ownPauseMs: 12,
        writers,
        readers: [],
      },
      [],
    ),
  );
/** The cells of the table's only row. */
const row = (writer: WriterResult): string[] =>
  (text([writer]).split("\n")[3] ?? "")
    .split("│")
    .slice(1, -1)
    .map((cell) => cell.trim());

it.each<[string, Partial<WriterResult>, string[]]>([
  ["nothing lost", {}, ["defaults", "3.46 s", "-4 ms", "3 READONLY, 1 NOREPLICAS", "1000", "0", "2"]],
  [
    "writes lost",
    { lost: 7, lostFirstMs: -1, lostLastMs: 11_200, errors: {} },
    ["defaults", "3.46 s", "-4 ms", "none", "1000", "7, acknowledged -1 ms to 11.2 s after", "2"],
  ],
  [
    "a client that did not recover, of a master that nobody could ask",
    { wait: true, lost: null, recovered: false },
    ["defaults, WAIT 1", "3.46 s, to the end", "-4 ms", "3 READONLY, 1 NOREPLICAS", "1000", "?", "2"],
  ],
  [
    "a partition, which measures less",
    { lost: 7, lostFirstMs: 12, errors: null, longestGapMs: null, gapBeganMs: 1900, recovered: false },
    ["defaults", "-", "1.90 s", "-", "1000", "7, acknowledged from 12 ms on", "2"],
  ],
])("the table shows %s", (_, change, cells) => {
  expect(row({ ...plain, ...change })).toEqual(cells);
});

it.each([
  ["drill crash holds: none of 2000 acknowledged writes is lost", text([plain, plain])],
  ["drill crash does not hold", text([{ ...plain, lost: 1 }])],
  [
    "drill crash holds: none of 1000 writes that WAIT 1 confirmed is lost; 1 without WAIT is lost",
    text(
      [
        { ...plain, lost: 1 },
        { ...plain, wait: true },
      ],
      "wait",
    ),
  ],
  [
    "drill crash holds: the promise is about writes with WAIT 1, which --wait1 adds; 0 without WAIT are lost",
    text([plain], "wait"),
  ],
])("the last line is the verdict: %s", (verdict, shown) => {
  expect(shown.split("\n").at(-1)).toBe(verdict);
  expect(shown).toContain("local: redis-a was master, redis-b is; whole again 5.20 s after the fault");
});
