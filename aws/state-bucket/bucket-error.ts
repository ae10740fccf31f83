import { commonReason } from "../common-reason.ts";

/** What a user can do about an answer of S3, or of STS, to the making of the bucket. */

interface Place {
  readonly bucket: string;
  readonly region: string;
}

export const SETTING = "backend.region";

/** @param permission that the request needed, for example s3:CreateBucket */
export function bucketError(permission: string, { bucket, region }: Place, error: unknown): Error {
  return new Error(`${bucket}: ${commonReason(error, region, SETTING) ?? bucketReason(permission, region, error)}`);
}

function bucketReason(permission: string, region: string, error: unknown): string {
  const { name, code, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
  switch (name) {
    case "AccessDenied":
      return `these AWS credentials may not do this; allow ${permission} on this bucket`;
    case "BucketAlreadyExists":
      return "somebody else has a bucket of this name, and names are those of all accounts; change backend.bucket of the environment, for example to one that ends with your account's number";
    case "OperationAborted":
      return "AWS is still at work on a bucket of this name: it was deleted a moment ago, or somebody else makes it just now; run it again in a few minutes";
    case "InvalidBucketName":
      return "S3 does not take this name; change backend.bucket of the environment";
    case "TooManyBuckets":
      return "the account has as many buckets as it may have; ask AWS for more, or change backend.bucket of the environment to one that is there";
    case "InvalidLocationConstraint":
    case "IllegalLocationConstraintException":
      return `S3 has no region ${region} for these credentials; check ${SETTING} of the environment`;
    case "InvalidBucketAclWithObjectOwnership":
      return "its ACL lets others in; take these grants away (aws s3api put-bucket-acl --acl private), then run it again";
    case "NoSuchBucket":
      return "the bucket was there a moment ago, and is not now; run it again";
    default:
      return `what needs ${permission} failed in ${region} (${[name, code, $metadata?.httpStatusCode].filter(Boolean).join(", ")})`;
  }
}
