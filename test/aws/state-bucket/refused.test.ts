import { STS } from "@aws-sdk/client-sts";
import { describe, expect, it, vi } from "vitest";
import type { AwsAnswer } from "../../support/aws-recorder.ts";
import {
  Bucket,
  constraint,
  describeWithMoto,
  errorOf,
  init,
  OUR_ACCOUNT,
  RecordedAws,
  place,
} from "./recorded-aws.ts";

const OTHER_ACCOUNT = "210987654321";

describeWithMoto("a bucket for Terraform's state", () => {
  const aws = new RecordedAws();

  describe("is refused, and nothing is changed", () => {
    /** The credentials of another account, by a role there. */
    async function otherAccount() {
      const sts = new STS({
        region: place.region,
        endpoint: aws.moto.url,
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
      await aws.client({ credentials: await otherAccount() }).createBucket({ Bucket, ...constraint });
      expect(await errorOf(init())).toBe(
        `states: a bucket of this name exists, and either it is not of the account ${OUR_ACCOUNT}, whose credentials these are, ` +
          "or these may not look at it (s3:ListBucket); use the credentials of its account, or change backend.bucket of the environment. Nothing was changed",
      );
      expect(aws.writes()).toEqual([]);
    });

    it("when the credentials are not those of the environment's account", async () => {
      expect(await errorOf(init({ accountId: OTHER_ACCOUNT }))).toBe(
        `states: these credentials are for the account ${OUR_ACCOUNT}, and the environment is in ${OTHER_ACCOUNT} (target.accountId); ` +
          "log in to that one, or set AWS_PROFILE. Nothing was changed",
      );
      expect(aws.recorder.requests.map(({ path }) => path)).toEqual(["/"]);
      const { accessKeyId, secretAccessKey, sessionToken } = await otherAccount();
      vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
      vi.stubEnv("AWS_SESSION_TOKEN", sessionToken);
      expect((await init({ accountId: OTHER_ACCOUNT })).accountId).toBe(OTHER_ACCOUNT);
    });

    it("when it is in another region", async () => {
      await aws.client({ region: "eu-west-1" }).createBucket({
        Bucket,
        CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
      });
      const words =
        "states: the bucket is in eu-west-1, and the environment looks for it in eu-central-1; change backend.region";
      expect(await errorOf(init())).toContain(words);
      // As AWS answers where it does not look across regions.
      aws.recorder.answer = ({ method }) =>
        method === "HEAD" ? { status: 301, headers: { "x-amz-bucket-region": "eu-west-1" } } : undefined;
      expect(await errorOf(init())).toContain(words);
      expect(aws.writes()).toEqual([]);
    });

    it("without credentials", async () => {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
      expect(await errorOf(init())).toBe(
        "states: no AWS credentials were found; set AWS_PROFILE, or log in: aws sso login",
      );
      expect(aws.recorder.requests).toEqual([]);
    });
  });

  describe("where S3 refuses a request", () => {
    const refuse = (method: string, path: RegExp, answer: AwsAnswer): void => {
      aws.recorder.answer = (request) => (request.method === method && path.test(request.path) ? answer : undefined);
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
      await aws.client().createBucket({ Bucket, ...constraint });
      refuse("GET", /tagging/, { status: 403, code: "AccessDenied" });
      expect(await errorOf(init())).toContain("s3:GetBucketTagging");
      expect(aws.writes()).toEqual([]);
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
