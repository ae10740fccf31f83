import fs from "node:fs/promises";
import { expect, test } from "vitest";
import { schemaFiles, schemaOf } from "./schema.ts";

test("the committed schemas are those of the pinned bindings: npx tsx test/standin/write-schemas.ts changes nothing", async () => {
  for (const { file, text } of await schemaFiles()) expect(await fs.readFile(file, "utf8")).toBe(text);
});

test("a binding's attributes are read with their types, and with who sets them", () => {
  const types = { aws_ssm_parameter: { binding: "ssm-parameter", forceReplacement: ["name"] } };
  const { aws_ssm_parameter: parameter } = schemaOf("aws", types).resources;
  expect(parameter).toMatchObject({
    name: { type: "string", required: true, forcesReplacement: true },
    overwrite: { type: "bool", optional: true },
    tags: { type: ["map", "string"], optional: true },
    version: { type: "number", computed: true },
    arn: { type: "string", optional: true, computed: true },
  });
  expect(parameter?.["version"]).not.toHaveProperty("optional");
  expect(parameter?.["tags"]).not.toHaveProperty("computed");
});

test("a type with nested blocks is refused by name, not read by halves", () => {
  expect(() => schemaOf("aws", { aws_subnet: { binding: "subnet", forceReplacement: [] } })).toThrow(
    "aws_subnet.timeouts: only attributes of simple types are read so far",
  );
});
