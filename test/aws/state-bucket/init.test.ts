import type { S3 } from "@aws-sdk/client-s3";
import { beforeEach, expect, it } from "vitest";
import { initStateBucket } from "../../../aws/state-bucket/init.ts";
import { tlsOnlyPolicy, tlsOnlyStatement } from "../../../aws/state-bucket/policy.ts";
import {
  Bucket,
  constraint,
  describeWithMoto,
  errorOf,
  init,
  OUR_ACCOUNT,
  place,
  RecordedAws,
} from "./recorded-aws.ts";

const arn = `arn:aws:s3:::${Bucket}`;
const all = [
  "bucket",
  "public-access",
  "ownership",
  "encryption",
  "versioning",
  "tls-only",
  "life-cycle",
  "tags",
] as const;

describeWithMoto("the bucket for Terraform's state", () => {
  const aws = new RecordedAws();
  let s3: S3;
  beforeEach(() => void (s3 = aws.client()));

  const resultsOf = async (made: ReturnType<typeof init>): Promise<Record<string, string>> =>
    Object.fromEntries((await made).results.map(({ id, result }) => [id, result]));
  const each = (result: string, but: Record<string, string> = {}): Record<string, string> => ({
    ...Object.fromEntries(all.map((id) => [id, result])),
    ...but,
  });

  /** Everything that the bucket is. */
  async function found() {
    const [access, owner, encryption, versions, policy, life, tags, location] = await Promise.all([
      s3.getPublicAccessBlock({ Bucket }),
      s3.getBucketOwnershipControls({ Bucket }),
      s3.getBucketEncryption({ Bucket }),
      s3.getBucketVersioning({ Bucket }),
      s3.getBucketPolicy({ Bucket }),
      s3.getBucketLifecycleConfiguration({ Bucket }),
      s3.getBucketTagging({ Bucket }),
      s3.getBucketLocation({ Bucket }),
    ]);
    return {
      access: access.PublicAccessBlockConfiguration,
      owner: owner.OwnershipControls?.Rules,
      encryption: encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault,
      versions: versions.Status,
      policy: JSON.parse(policy.Policy ?? "null") as unknown,
      life: life.Rules as unknown,
      tags: Object.fromEntries((tags.TagSet ?? []).map(({ Key = "", Value }) => [Key, Value])),
      location: location.LocationConstraint,
    };
  }
  const whole = {
    access: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
    owner: [{ ObjectOwnership: "BucketOwnerEnforced" }],
    encryption: { SSEAlgorithm: "AES256" },
    versions: "Enabled",
    policy: { Version: "2012-10-17", Statement: [tlsOnlyStatement(arn)] },
    life: [
      {
        ID: "former-versions",
        Status: "Enabled",
        NoncurrentVersionExpiration: { NoncurrentDays: 90 },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ],
    tags: place.tags,
    location: "eu-central-1",
  };

  it("is made with all that it has to have, and a second time nothing is written", async () => {
    const told: string[] = [];
    const made = await initStateBucket(place, ({ id }) => told.push(id));

    expect(made.accountId).toBe(OUR_ACCOUNT);
    expect(told).toEqual(all);
    expect(made.results.filter(({ result }) => result !== "changed" && result !== "unchanged")).toEqual([]);
    expect(await found()).toMatchObject(whole);
    // moto does not keep this one.
    const life = aws.recorder.requests.find(({ method, path }) => method === "PUT" && path.includes("lifecycle"));
    expect(life?.body()).toContain("<NewerNoncurrentVersions>10</NewerNoncurrentVersions>");

    aws.recorder.requests.length = 0;
    expect(await resultsOf(init())).toEqual(each("unchanged"));
    expect(aws.writes()).toEqual([]);
  });

  it("is made in the oldest region, too, which may not be named", async () => {
    s3 = aws.client({ region: "us-east-1" });
    expect(await resultsOf(init({ region: "us-east-1" }))).toMatchObject({ bucket: "changed", tags: "changed" });
    expect(await resultsOf(init({ region: "us-east-1" }))).toEqual(each("unchanged"));
    expect((await found()).location).toBeUndefined();
  });

  it("is asked for as the caller's in every request, so that AWS refuses another's", async () => {
    await init();
    const [create, ...others] = aws.recorder.requests
      .filter(({ path }) => path !== "/")
      .toSorted((one, other) => Number(one.owner !== undefined) - Number(other.owner !== undefined));
    expect(create).toMatchObject({ method: "PUT", path: `/${Bucket}/` });
    expect(others.length).toBeGreaterThan(13);
    expect(new Set(others.map(({ owner }) => owner))).toEqual(new Set([OUR_ACCOUNT]));
  });

  it("has everything after a run that was broken off between any two changes", { timeout: 180_000 }, async () => {
    await init();
    const changes = aws.writes().length;
    for (let done = 0; done < changes; done++) {
      await aws.moto.reset();
      let seen = 0;
      aws.recorder.answer = ({ method }) =>
        method === "PUT" && seen++ >= done ? { status: 400, code: "Broken" } : undefined;
      expect(await errorOf(init())).toContain("(Broken, 400)");
      aws.recorder.answer = () => undefined;
      await init();
      expect(await found()).toMatchObject(whole);
    }
  });

  it("that was made without most of it is completed", async () => {
    await s3.createBucket({ Bucket, ...constraint, ObjectOwnership: "BucketOwnerPreferred" });
    await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Suspended" } });
    await s3.putPublicAccessBlock({
      Bucket,
      PublicAccessBlockConfiguration: { ...whole.access, IgnorePublicAcls: false },
    });

    // As AWS does since 2023, moto may encrypt by itself.
    expect(await resultsOf(init())).toMatchObject({
      ...each("changed"),
      bucket: "unchanged",
      encryption: expect.any(String) as string,
    });
    expect(await found()).toMatchObject(whole);
  });

  it("keeps what its owner has set as well, and gets what it lacks", async () => {
    await s3.createBucket({ Bucket, ...constraint });
    const kms = { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: "alias/ours" };
    const Rules = [{ ApplyServerSideEncryptionByDefault: kms }];
    await s3.putBucketEncryption({ Bucket, ServerSideEncryptionConfiguration: { Rules } });
    const life = { ID: "theirs", Status: "Enabled" as const, Filter: { Prefix: "logs/" }, Expiration: { Days: 3 } };
    await s3.putBucketLifecycleConfiguration({ Bucket, LifecycleConfiguration: { Rules: [life] } });
    const allow = { Effect: "Allow", Principal: { AWS: OUR_ACCOUNT }, Action: "s3:GetObject", Resource: `${arn}/*` };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [allow, tlsOnlyStatement(arn)] });
    await s3.putBucketPolicy({ Bucket, Policy });
    const TagSet = [
      { Key: "Environment", Value: "all" },
      { Key: "Owner", Value: "us" },
    ];
    await s3.putBucketTagging({ Bucket, Tagging: { TagSet } });

    const { results } = await init();
    expect(await resultsOf(Promise.resolve({ accountId: OUR_ACCOUNT, results }))).toEqual(
      each("changed", { bucket: "unchanged", encryption: "kept", "tls-only": "kept", "life-cycle": "kept" }),
    );
    expect(results.find(({ id }) => id === "encryption")?.message).toContain(
      "aws:kms is the default here, with alias/ours",
    );
    expect(await found()).toMatchObject({
      ...whole,
      encryption: kms,
      policy: JSON.parse(Policy) as unknown,
      life: [{ ID: "theirs", Expiration: { Days: 3 } }],
      tags: { Project: "redis-ha", Environment: "all", ManagedBy: "cdktf-redis-ha", Owner: "us" },
    });
    aws.recorder.requests.length = 0;
    await init();
    expect(aws.writes()).toEqual([]);
  });

  it("that has a policy which lets requests in without TLS keeps it, and says what to add; the rest is done", async () => {
    await s3.createBucket({ Bucket, ...constraint });
    const Policy = tlsOnlyPolicy(arn).replace("s3:*", "s3:PutObject");
    await s3.putBucketPolicy({ Bucket, Policy });

    const { results } = await init();
    const problem = results.find(({ result }) => result === "problem");
    expect(problem?.id).toBe("tls-only");
    expect(problem?.message).toContain(
      `add this to the policy's statements:\n${JSON.stringify(tlsOnlyStatement(arn))}`,
    );
    expect(await found()).toMatchObject({ ...whole, policy: JSON.parse(Policy) as unknown });
  });

  it("that deletes states which nobody changes is a problem, left to its owner", async () => {
    await s3.createBucket({ Bucket, ...constraint });
    const life = { ID: "tidy", Status: "Enabled" as const, Filter: { Prefix: "redis-ha/" }, Expiration: { Days: 30 } };
    await s3.putBucketLifecycleConfiguration({ Bucket, LifecycleConfiguration: { Rules: [life] } });

    const { results } = await init();
    expect(results.find(({ result }) => result === "problem")).toEqual({
      id: "life-cycle",
      result: "problem",
      message:
        "its rule tidy deletes states that are in use, once nobody has applied for a while; limit it to other keys than redis-ha/prod/*",
    });
    expect((await found()).life).toMatchObject([{ ID: "tidy" }]);
  });

  it("of another environment is shared as it is", async () => {
    await init();
    aws.recorder.requests.length = 0;
    const staging = { keys: "redis-ha/staging/", tags: { ...place.tags, Environment: "staging" } };
    expect(await resultsOf(init(staging))).toEqual(each("unchanged"));
    expect(aws.writes()).toEqual([]);
  });

  it("is made by two at once", async () => {
    const both = await Promise.all([init(), init()]);
    expect(both.flatMap(({ results }) => results.filter(({ result }) => result === "problem"))).toEqual([]);
    expect(await found()).toMatchObject(whole);
  });
});
