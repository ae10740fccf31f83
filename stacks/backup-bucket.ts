import type { KmsKey } from "@cdktf/provider-aws/lib/kms-key/index.js";
import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket/index.js";
import { S3BucketLifecycleConfiguration } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration/index.js";
import { S3BucketPolicy } from "@cdktf/provider-aws/lib/s3-bucket-policy/index.js";
import { S3BucketPublicAccessBlock } from "@cdktf/provider-aws/lib/s3-bucket-public-access-block/index.js";
import { S3BucketServerSideEncryptionConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration/index.js";
import { S3BucketVersioningA } from "@cdktf/provider-aws/lib/s3-bucket-versioning/index.js";
import { type TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { at } from "./address.ts";
import { type AwsEnvironment, backupBucketOf } from "./aws-environment.ts";

export interface BackupBucketProps {
  readonly environment: AwsEnvironment;
  readonly key: KmsKey;
}

/** How long an overwritten or deleted backup can be had back, and an upload that was broken off is kept. */
const KEPT_DAYS = { former: 30, unfinished: 7 };

/** Where backups go: encrypted, in versions, by TLS only, and never public. A bucket that has any is not deleted. */
export class BackupBucket extends Construct {
  public constructor(stack: TerraformStack, { environment, key }: BackupBucketProps) {
    super(stack, "backups");
    // As long as it has backups it is not deleted, and so the key that they need is not either.
    const made = new S3Bucket(this, "bucket", { bucket: backupBucketOf(environment), dependsOn: [key] });
    const { id: bucket, arn } = at("backups", made);
    const closed = new S3BucketPublicAccessBlock(this, "closed", {
      bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const versions = new S3BucketVersioningA(this, "versions", {
      bucket,
      versioningConfiguration: { status: "Enabled" },
    });
    new S3BucketServerSideEncryptionConfigurationA(this, "encryption", {
      bucket,
      rule: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
          bucketKeyEnabled: true,
        },
      ],
    });
    new S3BucketLifecycleConfiguration(this, "life", {
      bucket,
      rule: [
        {
          id: "former-versions",
          status: "Enabled",
          filter: [{ prefix: "" }],
          noncurrentVersionExpiration: [{ noncurrentDays: KEPT_DAYS.former }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: KEPT_DAYS.unfinished }],
        },
      ],
      dependsOn: [versions],
    });
    new S3BucketPolicy(this, "policy", {
      bucket,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "TlsOnly",
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [arn, `${arn}/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ],
      }),
      // AWS refuses two changes of a bucket's access at once.
      dependsOn: [closed],
    });
  }
}
