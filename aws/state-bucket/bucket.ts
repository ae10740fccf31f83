import type { S3 } from "@aws-sdk/client-s3";
import { loadSdk } from "../load-sdk.ts";
import { bucketError, SETTING } from "./bucket-error.ts";

/** Whose credentials these are. */
export interface Caller {
  readonly accountId: string;
  /** Of AWS: aws, aws-cn or aws-us-gov. */
  readonly partition: string;
}

/** How long a new bucket may take until it is seen, in seconds. */
const SEEN_WITHIN = 60;

/** @throws when there are no credentials, or none that AWS takes */
export async function callerFor(place: { bucket: string; region: string }): Promise<Caller> {
  const { STS } = await loadSdk("@aws-sdk/client-sts", () => import("@aws-sdk/client-sts"));
  const { Account: accountId, Arn = "" } = await new STS({ region: place.region })
    .getCallerIdentity({})
    .catch((error: unknown) => {
      throw bucketError("sts:GetCallerIdentity", place, error);
    });
  if (accountId === undefined) throw new Error(`${place.bucket}: AWS does not say whose these credentials are`);
  return { accountId, partition: Arn.split(":")[1] || "aws" };
}

/** One bucket of one account. */
export class Bucket {
  private constructor(
    private readonly s3: S3,
    readonly name: string,
    readonly region: string,
    readonly caller: Caller,
    private readonly waitUntilSeen: () => Promise<unknown>,
  ) {}

  static async open(name: string, region: string, caller: Caller): Promise<Bucket> {
    const sdk = await loadSdk("@aws-sdk/client-s3", () => import("@aws-sdk/client-s3"));
    const s3 = new sdk.S3({ region });
    const asked = { Bucket: name, ExpectedBucketOwner: caller.accountId };
    return new Bucket(s3, name, region, caller, () =>
      sdk.waitUntilBucketExists({ client: s3, maxWaitTime: SEEN_WITHIN, minDelay: 1, maxDelay: 5 }, asked),
    );
  }

  get arn(): string {
    return `arn:${this.caller.partition}:s3:::${this.name}`;
  }

  /** What each request says: with another owner than the caller's account, AWS refuses it. */
  get asked() {
    return { Bucket: this.name, ExpectedBucketOwner: this.caller.accountId };
  }

  /** @param permission that the request needs @throws with what to do about it */
  async ask<T>(permission: string, request: (s3: S3) => Promise<T>): Promise<T> {
    return request(this.s3).catch((error: unknown) => {
      throw bucketError(permission, { bucket: this.name, region: this.region }, error);
    });
  }

  /** The same; undefined where S3 answers that there is none. @param none how S3 calls that */
  async askIfThere<T>(permission: string, none: string, request: (s3: S3) => Promise<T>): Promise<T | undefined> {
    return this.ask(permission, (s3) =>
      request(s3).catch((error: unknown) => {
        if ((error as Error).name === none) return undefined;
        throw error;
      }),
    );
  }

  /** @throws when it is there, and is not the caller's, or not in this region */
  async exists(): Promise<boolean> {
    const found = await this.s3.headBucket(this.asked).catch((error: unknown) => this.withoutBody(error));
    if (found?.BucketRegion !== undefined && found.BucketRegion !== this.region) throw this.isIn(found.BucketRegion);
    return found !== undefined;
  }

  /** Private, encrypted and without ACLs from its first moment, as every new bucket is. */
  async create(): Promise<void> {
    const { region } = this;
    await this.ask("s3:CreateBucket and s3:PutBucketOwnershipControls", (s3) =>
      s3
        .createBucket({
          Bucket: this.name,
          ObjectOwnership: "BucketOwnerEnforced",
          // The oldest region is where a bucket is that names none, and may not be named.
          ...(region === "us-east-1"
            ? {}
            : { CreateBucketConfiguration: { LocationConstraint: region as "eu-central-1" } }),
        })
        .catch((error: Error) => {
          // Somebody of the account made it at the same time.
          if (error.name !== "BucketAlreadyOwnedByYou") throw error;
        }),
    );
    await this.waitUntilSeen().catch(() => {
      throw new Error(
        `${this.name}: the bucket was made, and AWS does not show it after ${SEEN_WITHIN} s; run it again`,
      );
    });
  }

  /** An answer to HEAD has no body, and so no word of S3's, only a number. */
  private withoutBody(error: unknown): undefined {
    const { $metadata, $response } = error as {
      $metadata?: { httpStatusCode?: number };
      $response?: { headers?: Record<string, string> };
    };
    switch ($metadata?.httpStatusCode) {
      case 404:
        return undefined;
      case 301:
        throw this.isIn($response?.headers?.["x-amz-bucket-region"] ?? "another region");
      case 403:
        throw new Error(
          `${this.name}: a bucket of this name exists, and either it is not of the account ${this.caller.accountId}, whose credentials these are, ` +
            `or these may not look at it (s3:ListBucket); use the credentials of its account, or change backend.bucket of the environment. Nothing was changed`,
        );
      default:
        throw bucketError("s3:ListBucket", { bucket: this.name, region: this.region }, error);
    }
  }

  private isIn(region: string): Error {
    return new Error(
      `${this.name}: the bucket is in ${region}, and the environment looks for it in ${this.region}; change ${SETTING}, or backend.bucket for another one. Nothing was changed`,
    );
  }
}
