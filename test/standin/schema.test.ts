import fs from "node:fs/promises";
import { expect, test } from "vitest";
import type { Attribute, Block, NestedBlock } from "./binding.ts";
import { schemaFiles, schemaOf } from "./schema.ts";

test("the committed schemas are those of the pinned bindings: npx tsx test/standin/write-schemas.ts changes nothing", async () => {
  for (const { file, text } of await schemaFiles()) expect(await fs.readFile(file, "utf8")).toBe(text);
});

const aws = schemaOf("aws");

/** What is at a place of a resource's schema, as `root_block_device.encrypted`. */
function at(schema: Block | undefined, place: string): Attribute | NestedBlock | undefined {
  const [name = "", ...inner] = place.split(".");
  const member = schema?.[name];
  return inner.length > 0 && member && "block" in member ? at(member.members, inner.join(".")) : member;
}

test.each([
  ["aws_vpc", "cidr_block", { type: "string", optional: true, computed: true, forcesReplacement: true }],
  ["aws_vpc", "tags", { type: ["map", "string"], optional: true }],
  ["aws_vpc", "arn", { type: "string", computed: true }],
  ["aws_subnet", "vpc_id", { type: "string", required: true, forcesReplacement: true }],
  ["aws_ebs_volume", "size", { type: "number", optional: true, computed: true }],
  ["aws_vpc_endpoint", "subnet_ids", { type: ["set", "string"], optional: true, computed: true }],
  ["aws_vpc_endpoint", "network_interface_ids", { type: ["set", "string"], computed: true }],
  ["aws_route53_zone", "name_servers", { type: ["list", "string"], computed: true }],
  ["aws_vpc_security_group_ingress_rule", "tags_all", { type: ["map", "string"], computed: true }],
  [
    "aws_instance",
    "root_block_device.encrypted",
    { type: "bool", optional: true, computed: true, forcesReplacement: true },
  ],
  ["aws_instance", "root_block_device.volume_id", { type: "string", computed: true }],
])("%s.%s is read with its type, and with who sets it", (type, place, attribute) => {
  expect(at(aws.resources[type], place)).toEqual(attribute);
});

test.each([
  ["aws_instance", "root_block_device", { block: "list", max: 1 }],
  ["aws_instance", "ebs_block_device", { block: "set" }],
  ["aws_instance", "timeouts", { block: "single" }],
  ["aws_instance", "capacity_reservation_specification.capacity_reservation_target", { block: "list", max: 1 }],
  ["aws_s3_bucket_versioning", "versioning_configuration", { block: "list", min: 1, max: 1 }],
  ["aws_s3_bucket_lifecycle_configuration", "rule", { block: "list" }],
  ["aws_s3_bucket_server_side_encryption_configuration", "rule", { block: "set", min: 1 }],
])("%s.%s is read as a nested block, with how often it may be there", (type, place, nesting) => {
  const { members, ...rest } = at(aws.resources[type], place) as NestedBlock;
  expect(rest).toEqual(nesting);
  expect(members).not.toEqual({});
});

test("the rules of a security group are an attribute, which can be an empty list: none at all", () => {
  const { ingress } = aws.resources["aws_security_group"] ?? {};
  expect(ingress).toMatchObject({
    type: [
      "set",
      ["object", { from_port: "number", cidr_blocks: ["list", "string"], security_groups: ["set", "string"] }],
    ],
    optional: true,
    computed: true,
  });
});

test("a data source finds lists of objects", () => {
  expect(aws.dataSources?.["aws_vpc"]?.["cidr_block_associations"]).toEqual({
    type: ["list", ["object", { association_id: "string", cidr_block: "string", state: "string" }]],
    computed: true,
  });
});

test("the provider's own configuration is read too, but for its alias, which is Terraform's", () => {
  expect(aws.provider).toMatchObject({
    allowed_account_ids: { type: ["set", "string"], optional: true },
    default_tags: { block: "list", members: { tags: { type: ["map", "string"], optional: true } } },
  });
  expect(aws.provider).not.toHaveProperty("alias");
  expect(schemaOf("null")).not.toHaveProperty("provider");
});

test("no configuration may set an id", () => {
  for (const resource of Object.values(aws.resources))
    expect(resource["id"]).toEqual({ type: "string", computed: true });
});

test("what is said to force a replacement has to be there", () => {
  const resources = { aws_subnet: { binding: "subnet", forceReplacement: ["vpc_id", "timeouts.read"] } };
  expect(() => schemaOf("aws", { resources })).toThrow("aws_subnet.timeouts.read: no such attribute");
});
