import { expect, it } from "vitest";
import { lifeLine, parseLifeLine } from "../support/cloud/life-line.ts";

const step = { life: "prod, Terragrunt", step: "another image", seconds: 41.2 };

it.each([
  { ...step, restarted: [] },
  { ...step, longestGapMs: 87, lost: 0, restarted: ["redis-a", "redis-b"] },
])("a printed line says what a step cost: %o", (it) => {
  expect(parseLifeLine(`\u001b[22m\u001b[39m${lifeLine(it)}`)).toEqual(it);
});

it("other lines say nothing", () => {
  expect(parseLifeLine("chaos: prod, Terragrunt: another image | gap 1 ms, lost 0 of 2")).toBeUndefined();
});
