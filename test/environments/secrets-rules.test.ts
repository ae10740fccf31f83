import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { check } from "./check.ts";
import { awsInput, linesOf, localInput, sshInput } from "./inputs.ts";

const place = (input: EnvironmentInput) =>
  inventoryOf([parseEnvironment(input, { computerMemoryMb: 16_384 })]).environments[input.name]?.secrets;
const ssm = { kind: "ssm", region: "eu-west-1" } as const;

describe("where secrets are", () => {
  it("is a folder of the user's by default, and with the machines on aws", () => {
    expect(place(localInput())).toEqual({ kind: "file" });
    expect(place(sshInput())).toEqual({ kind: "file" });
    expect(place(awsInput())).toEqual({ kind: "ssm", region: "eu-central-1", path: "/redis-ha/prod" });
  });

  it("is where the environment says, for each target", () => {
    expect(place({ ...awsInput(), secrets: { kind: "file" } })).toEqual({ kind: "file" });
    expect(place({ ...sshInput(), secrets: ssm })).toEqual({ ...ssm, path: "/redis-ha/hosts" });
    expect(place({ ...localInput(), project: "shop", secrets: ssm })).toEqual({ ...ssm, path: "/shop/base" });
    const key = { kmsKeyId: "alias/redis" };
    expect(place({ ...awsInput(), secrets: { ...ssm, ...key } })).toEqual({ ...ssm, ...key, path: "/redis-ha/prod" });
  });

  it.each([
    "alias/redis",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:eu-west-1:111122223333:alias/redis",
  ])("takes the KMS key %s", (kmsKeyId) => {
    expect(linesOf([{ ...sshInput(), secrets: { ...ssm, kmsKeyId } }])).toEqual([]);
  });
});

describe("the setting secrets", () => {
  const given = (secrets: unknown) => (input: EnvironmentInput) => {
    Object.assign(input, { secrets });
  };
  check(sshInput, [
    {
      rule: "of an unknown kind",
      change: given({ kind: "vault" }),
      lines: ['secrets.kind: "vault" is unknown; use one of file, ssm'],
    },
    {
      rule: "without a region",
      change: given({ kind: "ssm" }),
      lines: ["secrets.region: missing; give a text"],
    },
    {
      rule: "with a region that is none, and a key that is none",
      change: given({ kind: "ssm", region: "Frankfurt", kmsKeyId: "redis" }),
      lines: [
        'secrets.region: "Frankfurt" cannot be used; use an AWS region, for example eu-central-1',
        'secrets.kmsKeyId: "redis" cannot be used; use the id of a KMS key, its ARN, or an alias as alias/redis',
      ],
    },
    {
      rule: "with a region for files",
      change: given({ kind: "file", region: "eu-west-1" }),
      lines: ["secrets: unknown field region (known here: kind)"],
    },
    {
      rule: "below a path that AWS keeps for itself",
      change: (input) => Object.assign(input, { project: "ssm-shop", secrets: ssm }),
      lines: [
        "project: AWS keeps parameters that begin with aws or ssm for itself, and the secrets would be below /ssm-shop; use another name",
      ],
    },
    { rule: "in files, where that name is free", change: (input) => (input.project = "aws-shop"), lines: [] },
  ]);
});
