import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { FoundationStack } from "../../stacks/foundation-stack.ts";
import { NetworkStack } from "../../stacks/network-stack.ts";
import { zoneOf } from "../environments/inputs.ts";
import { type AwsStack, awsStack, one } from "../support/aws-stack.ts";

const foundation = (change?: (input: EnvironmentInput) => void): Promise<AwsStack> =>
  awsStack(
    (app, environment) => new FoundationStack(app, { environment, network: new NetworkStack(app, environment) }),
    change,
    "prod-foundation",
  );

const releasing = (...zones: string[]) =>
  foundation((input) => {
    for (const zone of zones) zoneOf(input, zone).releaseDataVolume = true;
  });

describe("what the zones of an environment on AWS have in common", () => {
  it("a key that is not destroyed before every zone releases what it has encrypted", async () => {
    const key = async (...zones: string[]) => one(await releasing(...zones), "aws_kms_key");
    expect(await key("a", "b")).toMatchObject({ lifecycle: { prevent_destroy: true } });
    expect(await key("a", "b", "c")).toMatchObject({ lifecycle: { prevent_destroy: false } });
  });

  it("a key of its own, which AWS renews each year", async () => {
    const stack = await foundation();
    expect(one(stack, "aws_kms_key")).toMatchObject({ enable_key_rotation: true, deletion_window_in_days: 30 });
    expect(one(stack, "aws_kms_key")).toMatchObject({ lifecycle: { prevent_destroy: true } });
    expect(one(stack, "aws_kms_alias")).toMatchObject({ name: "alias/redis-ha-prod" });
  });

  it("names that only the VPC knows", async () => {
    const { name, vpc } = one(await foundation(), "aws_route53_zone");
    expect(name).toBe("prod.redis-ha.internal");
    expect(vpc).toEqual([{ vpc_id: "${local.network.vpc_id}" }]);
  });

  it("a bucket for backups: encrypted, in versions, by TLS only, never public", async () => {
    const stack = await foundation();
    expect(one(stack, "aws_s3_bucket")).toMatchObject({ bucket: "redis-ha-prod-backups-123456789012" });
    expect(one(stack, "aws_s3_bucket_public_access_block")).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(one(stack, "aws_s3_bucket_versioning")).toMatchObject({ versioning_configuration: { status: "Enabled" } });
    expect(one(stack, "aws_s3_bucket_server_side_encryption_configuration")["rule"]).toEqual([
      {
        apply_server_side_encryption_by_default: {
          sse_algorithm: "aws:kms",
          kms_master_key_id: "${aws_kms_key.key.arn}",
        },
        bucket_key_enabled: true,
      },
    ]);
    expect(JSON.stringify(one(stack, "aws_s3_bucket_policy")["policy"])).toMatch(/Deny.*aws:SecureTransport.*false/);
    expect(one(stack, "aws_s3_bucket_lifecycle_configuration")["rule"]).toMatchObject([
      { status: "Enabled", noncurrent_version_expiration: [{ noncurrent_days: 30 }] },
    ]);
  });

  it("gives the zones what they need, and takes the VPC of the network", async () => {
    const stack = await foundation();
    expect(Object.keys(stack.output).sort()).toEqual(["kms_key_id", "private_zone_id", "security_group_id"]);
    expect(stack.data?.["terraform_remote_state"]?.["network"]).toMatchObject({
      config: { key: "redis-ha/prod/prod-network.tfstate" },
    });
    expect(stack.provider.aws[0]).toMatchObject({ allowed_account_ids: ["123456789012"] });
  });
});
