import fs from "node:fs";
import path from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { pairOn } from "../cli/inventory-inputs.ts";
import { dummyAws } from "../support/aws-credentials.ts";
import { type Checkout, createCheckout, type Ran } from "../support/checkout.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: a cluster whose state is in S3: ${none}\n`);

const environment: EnvironmentInput = {
  ...pairOn(16230),
  access: { tls: false },
  backend: { kind: "s3", bucket: "states", region: "eu-central-1" },
};

describe.skipIf(none !== undefined).sequential("a cluster whose state is in S3", () => {
  let moto: Moto;
  let checkout: Checkout;
  let env: Record<string, string>;
  beforeAll(async () => {
    moto = await startMoto();
    env = dummyAws(moto.url);
    checkout = await createCheckout(environment);
    expect(await checkout.synth()).toMatchObject({ code: 0 });
  }, 300_000);
  afterAll(async () => {
    await checkout?.remove();
    await moto?.stop();
  });

  const deploy = (): Promise<Ran> =>
    checkout.run("node_modules/.bin/cdktf", ["deploy", "pair-zone-*", "--auto-approve"], { env });
  const terragrunt = (...args: string[]): Promise<Ran> =>
    checkout.run(path.join(checkout.root, "node_modules/.bin/terragrunt"), args, {
      cwd: path.join(checkout.root, "terragrunt/pair"),
      env,
    });

  it("has its bucket from redis-ha state init", async () => {
    const init = await checkout.run("node_modules/.bin/redis-ha", ["state", "init"], { env });
    expect(init.all).toContain("pair: the bucket is ready, states are in s3://states/redis-ha/pair/");
    expect(init.code).toBe(0);
  });

  it("is not applied over a connection without TLS, which the bucket denies", async () => {
    const refused = await deploy();
    expect(refused.code).toBe(1);
    expect(refused.all).toContain("403");
    // moto has no TLS here.
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    await new S3({ region: "eu-central-1", endpoint: moto.url, credentials }).deleteBucketPolicy({ Bucket: "states" });
  });

  it("is applied by cdktf deploy", async () => {
    const first = await deploy();
    expect(first.code, first.all).toBe(0);
    expect(first.all).toContain("Resources: 2 added");
  });

  it("has then nothing to change for Terragrunt", async () => {
    const plan = await terragrunt("run-all", "plan", "--non-interactive", "-detailed-exitcode");
    expect(plan.code, plan.all).toBe(0);
    const apply = await terragrunt("run-all", "apply", "--non-interactive", "-auto-approve");
    expect(apply.code, apply.all).toBe(0);
    expect(apply.all.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(3);
  });

  it("has nothing to change for cdktf after that either, and no state in files", async () => {
    const again = await deploy();
    expect(again.code, again.all).toBe(0);
    expect(again.all).not.toMatch(/Resources: (?!0 added, 0 changed, 0 destroyed)/);
    expect(fs.existsSync(path.join(checkout.root, ".state"))).toBe(false);
  });
});
