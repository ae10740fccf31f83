import { S3, type S3ClientConfig } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, vi } from "vitest";
import { initStateBucket } from "../../../aws/state-bucket/init.ts";
import type { StateBucketPlace } from "../../../topology/inventory.ts";
import { dummyAws, nothingElse } from "../../support/aws-credentials.ts";
import { type AwsRecorder, startAwsRecorder } from "../../support/aws-recorder.ts";
import { type Moto, startMoto, whyNoMoto } from "../../support/moto.ts";

export const OUR_ACCOUNT = "123456789012";
export const Bucket = "states";
export const constraint = { CreateBucketConfiguration: { LocationConstraint: "eu-central-1" as const } };
export const place: StateBucketPlace = {
  bucket: Bucket,
  region: "eu-central-1",
  keys: "redis-ha/prod/",
  tags: { Project: "redis-ha", Environment: "prod", ManagedBy: "cdktf-redis-ha" },
};

const none = await whyNoMoto();

/** Tests that need moto; skipped, with a warning, where it cannot be had. */
export function describeWithMoto(name: string, tests: () => void): void {
  if (none !== undefined) console.warn(`\nNOT TESTED: ${name}: ${none}\n`);
  describe.skipIf(none !== undefined)(name, tests);
}

export const init = (more: Partial<StateBucketPlace> = {}) => initStateBucket({ ...place, ...more }, () => undefined);

export const errorOf = (made: Promise<unknown>): Promise<string> =>
  made.then(
    () => "no error",
    (error: Error) => error.message,
  );

/** An AWS that is empty before each test, and notes what comes from the command. */
export class RecordedAws {
  moto!: Moto;
  recorder!: AwsRecorder;

  constructor() {
    // The first time, moto is installed.
    beforeAll(async () => {
      this.moto = await startMoto({ MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS: "false" });
    }, 300_000);
    afterAll(() => this.moto?.stop());
    beforeEach(async () => {
      await this.moto.reset();
      this.recorder = await startAwsRecorder(this.moto.url);
      for (const name of nothingElse) vi.stubEnv(name, undefined);
      for (const [name, value] of Object.entries(dummyAws(this.recorder.url))) vi.stubEnv(name, value);
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      await this.recorder.stop();
    });
  }

  /** A client of the test's own, past the recorder. */
  client(more: S3ClientConfig = {}): S3 {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return new S3({ region: place.region, endpoint: this.moto.url, credentials, ...more });
  }

  /** The requests of the command that may have changed something. */
  writes(): string[] {
    return this.recorder.requests
      .filter(({ method, path }) => !["GET", "HEAD"].includes(method) && path !== "/")
      .map(({ method, path }) => `${method} ${path}`);
  }
}
