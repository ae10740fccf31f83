import { formerVersionsRule, harmOf, isOurs, KEPT } from "./life-cycle.ts";
import { isOnlyOurs, isTlsOnly, tlsOnlyPolicy, tlsOnlyStatement } from "./policy.ts";
import type { Look } from "./property.ts";

/** What the bucket has to have, in the order in which it gets it: first what keeps others out. */
export const properties = {
  "public-access": async (bucket) => {
    const wanted = {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    };
    const found = await bucket.askIfThere(
      "s3:GetBucketPublicAccessBlock",
      "NoSuchPublicAccessBlockConfiguration",
      (s3) => s3.getPublicAccessBlock(bucket.asked),
    );
    const is = found?.PublicAccessBlockConfiguration;
    const message = "nothing in it can be public";
    if (Object.keys(wanted).every((key) => is?.[key as keyof typeof wanted])) return { result: "unchanged", message };
    const add = () =>
      bucket.ask("s3:PutBucketPublicAccessBlock", (s3) =>
        s3.putPublicAccessBlock({ ...bucket.asked, PublicAccessBlockConfiguration: wanted }),
      );
    return { result: "missing", message, add };
  },

  ownership: async (bucket) => {
    const found = await bucket.askIfThere("s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError", (s3) =>
      s3.getBucketOwnershipControls(bucket.asked),
    );
    const message = "everything in it is the account's; no ACLs";
    if (found?.OwnershipControls?.Rules?.[0]?.ObjectOwnership === "BucketOwnerEnforced")
      return { result: "unchanged", message };
    const OwnershipControls = { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" as const }] };
    const add = () =>
      bucket.ask("s3:PutBucketOwnershipControls", (s3) =>
        s3.putBucketOwnershipControls({ ...bucket.asked, OwnershipControls }),
      );
    return { result: "missing", message, add };
  },

  // With S3's own key: Terraform asks for that with each state (`encrypt`), no state has a secret in it, and no right to a key
  // is needed, nor can one be lost.
  encryption: async (bucket) => {
    const found = await bucket.askIfThere(
      "s3:GetEncryptionConfiguration",
      "ServerSideEncryptionConfigurationNotFoundError",
      (s3) => s3.getBucketEncryption(bucket.asked),
    );
    const is = found?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
    const message = "with S3's own key (AES256)";
    if (is?.SSEAlgorithm === "AES256") return { result: "unchanged", message };
    if (is?.SSEAlgorithm !== undefined)
      return {
        result: "kept",
        message: `${is.SSEAlgorithm} is the default here, with ${is.KMSMasterKeyID ?? "the account's key for S3"}; states are stored with S3's own key (AES256) all the same, as Terraform asks for it`,
      };
    const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } }];
    const add = () =>
      bucket.ask("s3:PutEncryptionConfiguration", (s3) =>
        s3.putBucketEncryption({ ...bucket.asked, ServerSideEncryptionConfiguration: { Rules } }),
      );
    return { result: "missing", message, add };
  },

  versioning: async (bucket) => {
    const { Status } = await bucket.ask("s3:GetBucketVersioning", (s3) => s3.getBucketVersioning(bucket.asked));
    const message = "a state that is overwritten or deleted can be had back";
    if (Status === "Enabled") return { result: "unchanged", message };
    const add = () =>
      bucket.ask("s3:PutBucketVersioning", (s3) =>
        s3.putBucketVersioning({ ...bucket.asked, VersioningConfiguration: { Status: "Enabled" } }),
      );
    return { result: "missing", message, add };
  },

  "tls-only": async (bucket) => {
    const found = await bucket.askIfThere("s3:GetBucketPolicy", "NoSuchBucketPolicy", (s3) =>
      s3.getBucketPolicy(bucket.asked),
    );
    const message = "requests without TLS are denied";
    if (found?.Policy === undefined)
      return {
        result: "missing",
        message,
        add: () =>
          bucket.ask("s3:PutBucketPolicy", (s3) =>
            s3.putBucketPolicy({ ...bucket.asked, Policy: tlsOnlyPolicy(bucket.arn) }),
          ),
      };
    if (isOnlyOurs(found.Policy, bucket.arn)) return { result: "unchanged", message };
    if (isTlsOnly(found.Policy, bucket.arn)) return { result: "kept", message: `${message}, by its own policy` };
    // A policy belongs to whoever wrote it: what adds to it here, their next change takes away without a word.
    return {
      result: "problem",
      message: `it has a policy of its own, which does not deny requests without TLS to all of it; add this to the policy's statements:\n${JSON.stringify(tlsOnlyStatement(bucket.arn))}`,
    };
  },

  "life-cycle": async (bucket, { keys }) => {
    const found = await bucket.askIfThere("s3:GetLifecycleConfiguration", "NoSuchLifecycleConfiguration", (s3) =>
      s3.getBucketLifecycleConfiguration(bucket.asked),
    );
    const rules = found?.Rules ?? [];
    const { formerDays, formerVersions, unfinishedDays } = KEPT;
    const message = `former versions go after ${formerDays} days, but for the last ${formerVersions}; broken uploads after ${unfinishedDays}`;
    if (isOurs(rules)) return { result: "unchanged", message };
    if (rules.length === 0)
      return {
        result: "missing",
        message,
        add: () =>
          bucket.ask("s3:PutLifecycleConfiguration", (s3) =>
            s3.putBucketLifecycleConfiguration({
              ...bucket.asked,
              LifecycleConfiguration: { Rules: [formerVersionsRule] },
            }),
          ),
      };
    const harmful = rules.find((rule) => harmOf(rule, keys) !== undefined);
    return harmful
      ? {
          result: "problem",
          message: `its rule ${harmful.ID ?? "without a name"} ${harmOf(harmful, keys)} states that are in use, once nobody has applied for a while; limit it to other keys than ${keys}*`,
        }
      : { result: "kept", message: "rules of its own" };
  },

  tags: async (bucket, { tags }) => {
    const found = await bucket.askIfThere("s3:GetBucketTagging", "NoSuchTagSet", (s3) =>
      s3.getBucketTagging(bucket.asked),
    );
    const has = found?.TagSet ?? [];
    const lacking = Object.entries(tags).filter(([key]) => !has.some(({ Key }) => Key === key));
    const message = Object.entries(tags)
      .map(([key, value]) => `${key}=${has.find(({ Key }) => Key === key)?.Value ?? value}`)
      .join(", ");
    if (lacking.length === 0) return { result: "unchanged", message };
    // Those of AWS (aws:...) among them: without these, it takes the request for one to remove them.
    const TagSet = [...has, ...lacking.map(([Key, Value]) => ({ Key, Value }))];
    const add = () =>
      bucket.ask("s3:PutBucketTagging", (s3) => s3.putBucketTagging({ ...bucket.asked, Tagging: { TagSet } }));
    return { result: "missing", message, add };
  },
} satisfies Record<string, Look>;

export type PropertyId = "bucket" | keyof typeof properties;
