import { expect, it } from "vitest";
import { GapMeter } from "../../drill/gap.ts";

interface Case {
  readonly successes: readonly number[];
  readonly end?: number;
  readonly recovered?: boolean;
  readonly gap: { ms: number; beganMs: number; open: boolean };
}

it.each<[string, Case]>([
  [
    "counts from the last success before the fault",
    { successes: [990, 1300, 1303], gap: { ms: 310, beganMs: -10, open: false } },
  ],
  [
    "takes the longest of several",
    { successes: [990, 1010, 1020, 1500, 1510], gap: { ms: 480, beganMs: 20, open: false } },
  ],
  [
    "forgets what was before the fault",
    { successes: [100, 990, 1003, 1006], gap: { ms: 13, beganMs: -10, open: false } },
  ],
  [
    "goes on to the end when the client does not recover",
    { successes: [990, 1010], recovered: false, gap: { ms: 990, beganMs: 10, open: true } },
  ],
  [
    "does not count the rest after the last success",
    { successes: [990, 1010], gap: { ms: 20, beganMs: -10, open: false } },
  ],
  [
    "is not open when an earlier one was longer",
    { successes: [990, 1800, 1990], recovered: false, gap: { ms: 810, beganMs: -10, open: false } },
  ],
  [
    "lasts from the fault on when nothing ever succeeded",
    { successes: [], recovered: false, gap: { ms: 1000, beganMs: 0, open: true } },
  ],
])("the longest gap %s", (_, { successes, end = 2000, recovered = true, gap }) => {
  const meter = new GapMeter();
  for (const at of successes.filter((each) => each < 1000)) meter.success(at);
  meter.fault(1000);
  for (const at of successes.filter((each) => each >= 1000)) meter.success(at);
  expect(meter.end(end, recovered)).toEqual(gap);
});
