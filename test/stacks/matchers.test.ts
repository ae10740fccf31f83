import { expect, test } from "vitest";
import "../support/matchers.ts";

const stack = {
  resource: {
    terraform_data: {
      one: { for_each: "${local.nodes}", input: { node_name: "redis-a" }, list: [1, 2] },
      two: { input: {} },
    },
  },
};

test("toHaveResource looks for the type, by its name or by a class", () => {
  expect(stack).toHaveResource("terraform_data");
  expect(stack).toHaveResource({ tfResourceType: "terraform_data" });
  expect(stack).not.toHaveResource("null_resource");
  expect(() => expect(stack).toHaveResource("null_resource")).toThrow("Expected null_resource");
  expect(() => expect(stack).not.toHaveResource("terraform_data")).toThrow("Expected no terraform_data");
});

test.each([
  ["the same key", { for_each: "${local.nodes}" }],
  ["a key in camelCase", { forEach: "${local.nodes}", input: { nodeName: "redis-a" } }],
  [
    "a matcher",
    { input: expect.objectContaining({ node_name: expect.stringMatching(/^redis-/) as string }) as unknown },
  ],
  ["a list", { list: [1, 2] }],
])("toHaveResourceWithProperties takes %s", (_, properties) => {
  expect(stack).toHaveResourceWithProperties("terraform_data", properties);
});

test.each([
  ["another value", { for_each: "${local.others}" }],
  ["a key that is missing", { count: 1 }],
  ["a shorter list", { list: [1] }],
  ["a matcher that does not match", { for_each: expect.stringMatching(/^redis-/) as string }],
  ["properties of two resources together", { for_each: "${local.nodes}", input: { other: 1 } }],
])("toHaveResourceWithProperties refuses %s", (_, properties) => {
  expect(stack).not.toHaveResourceWithProperties("terraform_data", properties);
  expect(() => expect(stack).toHaveResourceWithProperties("terraform_data", properties)).toThrow("for_each");
});
