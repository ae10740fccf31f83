import { expect, it } from "vitest";
import { chaosLine, parseChaosLine } from "../support/chaos-line.ts";

const plain = { longestGapMs: 237, lost: 3, acknowledged: 3272 };
const wait = { longestGapMs: 228, lost: 1, acknowledged: 2835 };

it.each(["redis-a", "redis-b"])("a printed line says what was seen, master afterwards %s", (after) => {
  const line = chaosLine("poweroff of the master's host, then boot", { before: "redis-a", after, plain, wait });
  const scenario = "poweroff of the master's host, then boot";
  expect(parseChaosLine(`\u001b[22m\u001b[39m${line}`)).toEqual({ scenario, plain, wait });
});

it("other lines say nothing", () => {
  expect(parseChaosLine("✓ servers test/lab/chaos/01-planned.test.ts (2 tests) 105075ms")).toBeUndefined();
});
