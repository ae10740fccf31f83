import { expect, test } from "vitest";
import { literal, literals } from "../../stacks/literal.ts";

test.each([
  ["plain", "plain"],
  ["${x}", "$${x}"],
  ["%{if y}", "%%{if y}"],
  ["$x %y {z} $ {x}", "$x %y {z} $ {x}"],
  ["$${x} and %%{y}", "$$${x} and %%%{y}"],
])("a text is marked as plain for Terraform: %s", (text, expected) => {
  expect(literal(text)).toBe(expected);
});

test("every text inside a value is marked, and nothing else is changed", () => {
  const value = { "redis.conf": "${a}", list: ["%{b}", 1, true, null], inner: { port: 6379 } };
  expect(literals(value)).toEqual({ "redis.conf": "$${a}", list: ["%%{b}", 1, true, null], inner: { port: 6379 } });
});
