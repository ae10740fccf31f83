import { describe, expect, it } from "vitest";
import { create, documentOf, machine, standIn } from "./machine.ts";
import { served } from "./served.ts";

const anyone = JSON.stringify({ Version: "2012-10-17", Statement: [] });

/** One of each type that `machine` does not have. */
const others = () => ({
  aws_default_security_group: { it: { vpc_id: "${aws_vpc.vpc.id}", ingress: [], egress: [] } },
  aws_route_table: { it: { vpc_id: "${aws_vpc.vpc.id}" } },
  aws_route_table_association: { it: { subnet_id: "${aws_subnet.a.id}", route_table_id: "${aws_route_table.it.id}" } },
  aws_route: {
    it: {
      route_table_id: "${aws_route_table.it.id}",
      destination_cidr_block: "0.0.0.0/0",
      gateway_id: "${aws_internet_gateway.it.id}",
    },
  },
  aws_internet_gateway: { it: { vpc_id: "${aws_vpc.vpc.id}" } },
  aws_eip: { it: { domain: "vpc" } },
  aws_nat_gateway: { it: { allocation_id: "${aws_eip.it.id}", subnet_id: "${aws_subnet.a.id}" } },
  aws_vpc_endpoint: { it: { vpc_id: "${aws_vpc.vpc.id}", service_name: "com.amazonaws.eu-central-1.s3" } },
  aws_vpc_security_group_egress_rule: {
    it: {
      security_group_id: "${aws_security_group.members.id}",
      ...{ ip_protocol: "tcp", from_port: 443, to_port: 443, prefix_list_id: "${aws_vpc_endpoint.it.prefix_list_id}" },
    },
  },
  aws_cloudwatch_log_group: { it: { name: "/redis-ha/it", retention_in_days: 30 } },
  aws_flow_log: {
    it: {
      vpc_id: "${aws_vpc.vpc.id}",
      traffic_type: "ALL",
      iam_role_arn: "${aws_iam_role.it.arn}",
      log_destination: "${aws_cloudwatch_log_group.it.arn}",
    },
  },
  aws_ssm_parameter: { it: { name: "/it/address", type: "String", value: "${aws_eip.it.public_ip}" } },
  aws_iam_role: { it: { name: "it", assume_role_policy: anyone } },
  aws_iam_role_policy: { it: { name: "reads", role: "${aws_iam_role.it.id}", policy: anyone } },
  aws_iam_instance_profile: { it: { name: "it", role: "${aws_iam_role.it.name}" } },
  aws_kms_key: { it: { enable_key_rotation: true } },
  aws_kms_alias: { it: { name: "alias/it", target_key_id: "${aws_kms_key.it.key_id}" } },
  aws_route53_zone: { it: { name: "redis.internal", vpc: [{ vpc_id: "${aws_vpc.vpc.id}" }] } },
  aws_route53_record: {
    it: { zone_id: "${aws_route53_zone.it.zone_id}", name: "redis-a", type: "A", ttl: 60, records: ["10.0.1.10"] },
  },
  aws_s3_bucket: { it: { bucket: "redis-ha-it" } },
  aws_s3_bucket_versioning: {
    it: { bucket: "${aws_s3_bucket.it.id}", versioning_configuration: [{ status: "Enabled" }] },
  },
  aws_s3_bucket_server_side_encryption_configuration: {
    it: {
      bucket: "${aws_s3_bucket.it.id}",
      rule: [
        {
          bucket_key_enabled: true,
          apply_server_side_encryption_by_default: [
            { sse_algorithm: "aws:kms", kms_master_key_id: "${aws_kms_key.it.arn}" },
          ],
        },
      ],
    },
  },
  aws_s3_bucket_public_access_block: { it: { bucket: "${aws_s3_bucket.it.id}", block_public_acls: true } },
  aws_s3_bucket_policy: { it: { bucket: "${aws_s3_bucket.it.id}", policy: anyone } },
  aws_s3_bucket_lifecycle_configuration: {
    it: {
      bucket: "${aws_s3_bucket.it.id}",
      rule: [{ id: "old", status: "Enabled", filter: [{ prefix: "backups/" }], expiration: [{ days: 30 }] }],
    },
  },
});

/** What another stack might read of each: ids, names for policies, and what follows from others. */
const read: Record<string, [expression: string, value: string | RegExp]> = {
  defaultGroup: ["aws_default_security_group.it.id == aws_vpc.vpc.default_security_group_id", "true"],
  route: ["aws_route.it.id", /^r-rtb-[0-9a-f]{17}\d+$/],
  association: ["aws_route_table_association.it.id", /^rtbassoc-[0-9a-f]{17}$/],
  gateway: ["aws_internet_gateway.it.id", /^igw-[0-9a-f]{17}$/],
  address: ["aws_eip.it.id", /^eipalloc-[0-9a-f]{17}$/],
  nat: ["aws_nat_gateway.it.id", /^nat-[0-9a-f]{17}$/],
  natAddress: ["aws_nat_gateway.it.public_ip == aws_eip.it.public_ip", "true"],
  endpoint: ["aws_vpc_endpoint.it.id", /^vpce-[0-9a-f]{17}$/],
  rule: ["aws_vpc_security_group_egress_rule.it.id", /^sgr-[0-9a-f]{17}$/],
  logs: ["aws_cloudwatch_log_group.it.arn", "arn:aws:logs:eu-central-1:123456789012:log-group:/redis-ha/it"],
  flowLog: ["aws_flow_log.it.id", /^fl-[0-9a-f]{17}$/],
  parameter: ["aws_ssm_parameter.it.arn", "arn:aws:ssm:eu-central-1:123456789012:parameter/it/address"],
  role: ["aws_iam_role.it.arn", "arn:aws:iam::123456789012:role/it"],
  rolePolicy: ["aws_iam_role_policy.it.id", "it:reads"],
  profile: ["aws_iam_instance_profile.it.id", "it"],
  key: ["aws_kms_key.it.arn", /^arn:aws:kms:eu-central-1:123456789012:key\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  keyOfAlias: ["aws_kms_alias.it.target_key_arn == aws_kms_key.it.arn", "true"],
  zone: ["aws_route53_zone.it.zone_id", /^Z[0-9A-F]{17}$/],
  name: ["aws_route53_record.it.fqdn", "redis-a.redis.internal"],
  bucket: ["aws_s3_bucket.it.arn", "arn:aws:s3:::redis-ha-it"],
  bucketPolicy: ["aws_s3_bucket_policy.it.id", "redis-ha-it"],
  attachment: ["aws_volume_attachment.data.id", /^vai-\d+$/],
};

describe.skipIf(!standIn)("every resource type of the stand-in for AWS", { timeout: 120_000 }, () => {
  it("is made, found unchanged, has the ids and names that AWS gives, and is destroyed", async () => {
    const resources = { ...machine(), ...others() };
    expect(Object.keys(resources).sort()).toEqual(Object.keys(served["aws"]?.resources ?? {}).sort());
    const output = Object.fromEntries(
      Object.entries(read).map(([name, [expression]]) => [name, { value: `\${tostring(${expression})}` }]),
    );
    const aws = await create(resources, { output });
    await aws.apply();
    expect(await aws.plan()).toContain("No changes.");
    const outputs = await aws.outputs();
    for (const [name, [, value]] of Object.entries(read)) expect(outputs[name], name).toMatch(value);

    // Another name is another record.
    Object.assign(resources.aws_route53_record.it, { name: "redis-b" });
    await aws.write(documentOf(resources, { output }));
    expect(await aws.apply()).toContain("1 added, 0 changed, 1 destroyed.");
    expect(await aws.outputs()).toMatchObject({ name: "redis-b.redis.internal" });
    expect(Object.keys(await aws.existing("aws_route53_record"))).toEqual([
      expect.stringMatching(/^Z\w+_redis-b_A$/) as string,
    ]);
    expect(await aws.plan()).toContain("No changes.");
    expect(await aws.destroy()).toContain(`Resources: ${String(Object.keys(resources).length)} destroyed.`);
  });
});
