import { S3, type S3ClientConfig } from "@aws-sdk/client-s3";
import { STS } from "@aws-sdk/client-sts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { initStateBucket } from "../../../aws/state-bucket/init.ts";
import { tlsOnlyPolicy, tlsOnlyStatement } from "../../../aws/state-bucket/policy.ts";
import type { StateBucketPlace } from "../../../topology/inventory.ts";
import { dummyAws, nothingElse } from "../../support/aws-credentials.ts";
import { type AwsAnswer, type AwsRecorder, startAwsRecorder } from "../../support/aws-recorder.ts";
import { type Moto, startMoto, whyNoMoto } from "../../support/moto.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: the bucket for Terraform's state: ${none}\n`);

const OUR_ACCOUNT = "123456789012";
const OTHER_ACCOUNT = "210987654321";
const Bucket = "states";
const place: StateBucketPlace = {
  bucket: Bucket,
  region: "eu-central-1",
  keys: "redis-ha/prod/",
  tags: { Project: "redis-ha", Environment: "prod", ManagedBy: "cdktf-redis-ha" },
};
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

describe.skipIf(none !== undefined)("the bucket for Terraform's state", () => {
  let moto: Moto;
  let recorder: AwsRecorder;
  let s3: S3;
  // The first time, moto is installed.
  beforeAll(async () => (moto = await startMoto({ MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS: "false" })), 300_000);
  afterAll(() => moto?.stop());
  beforeEach(async () => {
    await moto.reset();
    recorder = await startAwsRecorder(moto.url);
    for (const name of nothingElse) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries(dummyAws(recorder.url))) vi.stubEnv(name, value);
    s3 = client();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await recorder.stop();
  });

  /** A client of the test's own, past the recorder. */
  const client = (more: S3ClientConfig = {}): S3 =>
    new S3({
      region: place.region,
      endpoint: moto.url,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      ...more,
    });
  const init = (more: Partial<StateBucketPlace> = {}) => initStateBucket({ ...place, ...more }, () => undefined);
  const resultsOf = async (made: ReturnType<typeof init>): Promise<Record<string, string>> =>
    Object.fromEntries((await made).results.map(({ id, result }) => [id, result]));
  const each = (result: string, but: Record<string, string> = {}): Record<string, string> => ({
    ...Object.fromEntries(all.map((id) => [id, result])),
    ...but,
  });
  const errorOf = (made: Promise<unknown>): Promise<string> =>
    made.then(
      () => "no error",
      (error: Error) => error.message,
    );
  const writes = (): string[] =>
    recorder.requests
      .filter(({ method, path }) => !["GET", "HEAD"].includes(method) && path !== "/")
      .map(({ method, path }) => `${method} ${path}`);
  const constraint = { CreateBucketConfiguration: { LocationConstraint: "eu-central-1" as const } };

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
    const life = recorder.requests.find(({ method, path }) => method === "PUT" && path.includes("lifecycle"));
    expect(life?.body()).toContain("<NewerNoncurrentVersions>10</NewerNoncurrentVersions>");

    recorder.requests.length = 0;
    expect(await resultsOf(init())).toEqual(each("unchanged"));
    expect(writes()).toEqual([]);
  });

  it("is made in the oldest region, too, which may not be named", async () => {
    s3 = client({ region: "us-east-1" });
    expect(await resultsOf(init({ region: "us-east-1" }))).toMatchObject({ bucket: "changed", tags: "changed" });
    expect(await resultsOf(init({ region: "us-east-1" }))).toEqual(each("unchanged"));
    expect((await found()).location).toBeUndefined();
  });

  it("is asked for as the caller's in every request, so that AWS refuses another's", async () => {
    await init();
    const [create, ...others] = recorder.requests
      .filter(({ path }) => path !== "/")
      .toSorted((one, other) => Number(one.owner !== undefined) - Number(other.owner !== undefined));
    expect(create).toMatchObject({ method: "PUT", path: `/${Bucket}/` });
    expect(others.length).toBeGreaterThan(13);
    expect(new Set(others.map(({ owner }) => owner))).toEqual(new Set([OUR_ACCOUNT]));
  });

  it("has everything after a run that was broken off between any two changes", { timeout: 180_000 }, async () => {
    await init();
    const changes = writes().length;
    for (let done = 0; done < changes; done++) {
      await moto.reset();
      let seen = 0;
      recorder.answer = ({ method }) =>
        method === "PUT" && seen++ >= done ? { status: 400, code: "Broken" } : undefined;
      expect(await errorOf(init())).toContain("(Broken, 400)");
      recorder.answer = () => undefined;
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
    recorder.requests.length = 0;
    await init();
    expect(writes()).toEqual([]);
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
    recorder.requests.length = 0;
    const staging = { keys: "redis-ha/staging/", tags: { ...place.tags, Environment: "staging" } };
    expect(await resultsOf(init(staging))).toEqual(each("unchanged"));
    expect(writes()).toEqual([]);
  });

  it("is made by two at once", async () => {
    const both = await Promise.all([init(), init()]);
    expect(both.flatMap(({ results }) => results.filter(({ result }) => result === "problem"))).toEqual([]);
    expect(await found()).toMatchObject(whole);
  });

  describe("is refused, and nothing is changed", () => {
    /** The credentials of another account, by a role there. */
    async function otherAccount() {
      const sts = new STS({
        region: place.region,
        endpoint: moto.url,
        credentials: { accessKeyId: "a", secretAccessKey: "a" },
      });
      const RoleArn = `arn:aws:iam::${OTHER_ACCOUNT}:role/other`;
      const { Credentials } = await sts.assumeRole({ RoleArn, RoleSessionName: "test" });
      return {
        accessKeyId: Credentials?.AccessKeyId ?? "",
        secretAccessKey: Credentials?.SecretAccessKey ?? "",
        sessionToken: Credentials?.SessionToken ?? "",
      };
    }

    it("when it is another account's", async () => {
      await client({ credentials: await otherAccount() }).createBucket({ Bucket, ...constraint });
      expect(await errorOf(init())).toBe(
        `states: a bucket of this name exists, and either it is not of the account ${OUR_ACCOUNT}, whose credentials these are, ` +
          "or these may not look at it (s3:ListBucket); use the credentials of its account, or change backend.bucket of the environment. Nothing was changed",
      );
      expect(writes()).toEqual([]);
    });

    it("when the credentials are not those of the environment's account", async () => {
      expect(await errorOf(init({ accountId: OTHER_ACCOUNT }))).toBe(
        `states: these credentials are for the account ${OUR_ACCOUNT}, and the environment is in ${OTHER_ACCOUNT} (target.accountId); ` +
          "log in to that one, or set AWS_PROFILE. Nothing was changed",
      );
      expect(recorder.requests.map(({ path }) => path)).toEqual(["/"]);
      const { accessKeyId, secretAccessKey, sessionToken } = await otherAccount();
      vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
      vi.stubEnv("AWS_SESSION_TOKEN", sessionToken);
      expect((await init({ accountId: OTHER_ACCOUNT })).accountId).toBe(OTHER_ACCOUNT);
    });

    it("when it is in another region", async () => {
      await client({ region: "eu-west-1" }).createBucket({
        Bucket,
        CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
      });
      const words =
        "states: the bucket is in eu-west-1, and the environment looks for it in eu-central-1; change backend.region";
      expect(await errorOf(init())).toContain(words);
      // As AWS answers where it does not look across regions.
      recorder.answer = ({ method }) =>
        method === "HEAD" ? { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" } } : undefined;
      expect(await errorOf(init())).toContain(words);
      expect(writes()).toEqual([]);
    });

    it("without credentials", async () => {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
      expect(await errorOf(init())).toBe(
        "states: no AWS credentials were found; set AWS_PROFILE, or log in: aws sso login",
      );
      expect(recorder.requests).toEqual([]);
    });
  });

  describe("where S3 refuses a request", () => {
    const refuse = (method: string, path: RegExp, answer: AwsAnswer): void => {
      recorder.answer = (request) => (request.method === method && path.test(request.path) ? answer : undefined);
    };

    it.each([
      ["PUT", /^\/states\/?$/, "s3:CreateBucket and s3:PutBucketOwnershipControls"],
      ["GET", /publicAccessBlock/, "s3:GetBucketPublicAccessBlock"],
      ["PUT", /publicAccessBlock/, "s3:PutBucketPublicAccessBlock"],
      ["GET", /ownershipControls/, "s3:GetBucketOwnershipControls"],
      ["GET", /encryption/, "s3:GetEncryptionConfiguration"],
      ["GET", /versioning/, "s3:GetBucketVersioning"],
      ["PUT", /versioning/, "s3:PutBucketVersioning"],
      ["GET", /policy/, "s3:GetBucketPolicy"],
      ["PUT", /policy/, "s3:PutBucketPolicy"],
      ["GET", /lifecycle/, "s3:GetLifecycleConfiguration"],
      ["PUT", /lifecycle/, "s3:PutLifecycleConfiguration"],
      ["GET", /tagging/, "s3:GetBucketTagging"],
      ["PUT", /tagging/, "s3:PutBucketTagging"],
    ])("%s %s, the permission is named", async (method, path, permission) => {
      refuse(method, path, { status: 403, code: "AccessDenied" });
      expect(await errorOf(init())).toBe(
        `states: these AWS credentials may not do this; allow ${permission} on this bucket`,
      );
    });

    it("of a bucket that is there, nothing is changed before everything could be read", async () => {
      await s3.createBucket({ Bucket, ...constraint });
      refuse("GET", /tagging/, { status: 403, code: "AccessDenied" });
      expect(await errorOf(init())).toContain("s3:GetBucketTagging");
      expect(writes()).toEqual([]);
    });

    it.each([
      ["BucketAlreadyExists", "somebody else has a bucket of this name, and names are those of all accounts"],
      ["OperationAborted", "AWS is still at work on a bucket of this name"],
      ["InvalidBucketName", "S3 does not take this name"],
      ["TooManyBuckets", "the account has as many buckets as it may have"],
      ["IllegalLocationConstraintException", "S3 has no region eu-central-1 for these credentials"],
      ["ExpiredToken", "the AWS credentials have expired"],
      ["InvalidAccessKeyId", "AWS in eu-central-1 does not take these credentials"],
      ["Other", "what needs s3:CreateBucket and s3:PutBucketOwnershipControls failed in eu-central-1 (Other, 409)"],
    ])("to create it with %s, it is said what to do", async (code, words) => {
      refuse("PUT", /^\/states\/?$/, { status: 409, code });
      expect(await errorOf(init())).toContain(`states: ${words}`);
    });
  });
});
