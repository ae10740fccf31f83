import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { parseEnvironments } from "../../environments/parse.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { awsInput, localInput } from "../environments/inputs.ts";
import { dummyAws, nothingElse } from "../support/aws-credentials.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { redisHa } from "./run-cli.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: redis-ha state init: ${none}\n`);

/** The contract of docs/json.md, strictly. */
const schema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  bucket: z.string(),
  region: z.string(),
  accountId: z.string().regex(/^\d{12}$/),
  keys: z.string(),
  holds: z.boolean(),
  changed: z.boolean(),
  properties: z.array(
    z.strictObject({
      id: z.enum([
        "bucket",
        "public-access",
        "ownership",
        "encryption",
        "versioning",
        "tls-only",
        "life-cycle",
        "tags",
      ]),
      result: z.enum(["changed", "unchanged", "kept", "problem"]),
      message: z.string().min(1),
    }),
  ),
});

describe.skipIf(none !== undefined)("redis-ha state init", () => {
  let moto: Moto;
  let root: string;
  beforeAll(async () => (moto = await startMoto()), 300_000);
  afterAll(() => moto?.stop());
  beforeEach(async () => {
    await moto.reset();
    root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "rha-")));
    await fs.mkdir(path.join(root, "cdktf.out"));
    await fs.writeFile(path.join(root, "cdktf.json"), "{}");
    const elsewhere = { ...awsInput(), name: "elsewhere" };
    if (elsewhere.target.kind === "aws")
      elsewhere.target = { ...elsewhere.target, accountId: "210987654321", imageId: "ami-0fedcba9876543210" };
    const inventory = inventoryOf(parseEnvironments([localInput(), awsInput(), elsewhere]));
    // What the command synthesizes, if it does.
    await fs.writeFile(path.join(root, "described.json"), JSON.stringify(inventory));
    await fs.mkdir(path.join(root, "tools"));
    await fs.writeFile(
      path.join(root, "tools", "ensure-synthesized.mjs"),
      `import fs from "node:fs"; fs.copyFileSync("described.json", "cdktf.out/environments.json");`,
    );
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  const init = (env: string, ...more: string[]) =>
    redisHa(root, ["state", "init", "--env", env, ...more], {
      ...Object.fromEntries(nothingElse.map((name) => [name, undefined])),
      ...dummyAws(moto.url),
    });

  it("prints a line a property, then that there is nothing to change", async () => {
    const made = await init("prod");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toContain(
      "bucket: changed: in eu-central-1, of the account 123456789012\npublic-access: changed",
    );
    expect(made.stdout).toMatch(/\nprod: the bucket is ready, states are in s3:\/\/state-bucket\/redis-ha\/prod\/$/);
    const again = await init("prod");
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).not.toContain(": changed:");
    expect(again.stdout).toContain("prod: nothing to change, states are in");
  });

  it("--json keeps its contract, and a problem is exit code 1", async () => {
    const s3 = new S3({
      region: "eu-central-1",
      endpoint: moto.url,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const Bucket = "state-bucket";
    await s3.createBucket({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } });
    await s3.putBucketPolicy({ Bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }) });

    const ran = await init("prod", "--json");
    expect(ran).toMatchObject({ code: 1, stderr: "" });
    const document = schema.parse(JSON.parse(ran.stdout));
    expect(document).toMatchObject({ environment: "prod", keys: "redis-ha/prod/", holds: false, changed: true });
    expect(document.properties.filter(({ result }) => result === "problem").map(({ id }) => id)).toEqual(["tls-only"]);
    const docs = await fs.readFile(new URL("../../docs/json.md", import.meta.url), "utf8");
    const section = docs.split("## `redis-ha state init --json`")[1]?.split("\n## ")[0] ?? "";
    for (const word of [...Object.keys(schema.shape), ...document.properties.map(({ id }) => id)])
      expect(section).toContain(`\`${word}\``);
  });

  it("fails before anything is made with the credentials of another account than the environment's", async () => {
    const ran = await init("elsewhere");
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain("the environment is in 210987654321 (target.accountId)");
  });

  it("is wrong use where the state is in local files", async () => {
    const ran = await init("base");
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain("base has its state in local files, so there is no bucket to make");
  });
});
