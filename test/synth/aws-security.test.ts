import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dev } from "../../environments/dev.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { parseEnvironments } from "../../environments/parse.ts";
import { prod } from "../../environments/prod.ts";
import { staging } from "../../environments/staging.ts";
import { synthesize } from "../../stacks/synth.ts";

type Block = Record<string, unknown>;

/** The same as another environment, so that all kinds of network are looked at. */
const other = (input: EnvironmentInput, name: string, target: object, zone: object): EnvironmentInput => ({
  ...input,
  name,
  target: { ...input.target, ...target },
  zones: Object.fromEntries(
    Object.entries(input.zones).map(([key, each], index) => {
      return [
        key,
        {
          ...each,
          publicSubnetCidr: undefined,
          ...zone,
          ...("subnetId" in zone ? { subnetId: `subnet-0123456789abcdef${index}` } : {}),
        },
      ];
    }),
  ),
});

const clients = { cidrs: ["10.9.0.0/16"], securityGroupIds: ["sg-0123456789abcdef0"] };
const environments: EnvironmentInput[] = [
  dev,
  staging,
  prod,
  other(prod, "closed", { egress: "none", vpcCidr: "10.30.0.0/16", clients, operators: clients }, {}),
  other(prod, "guest", { vpcId: "vpc-0123456789abcdef0", clients }, { subnetId: "" }),
];

/** What is promised of everything that is synthesized for AWS, whatever an environment says. */
describe("what is made on AWS", () => {
  /** By stack and address. */
  const blocks = new Map<string, { type: string; block: Block }>();

  let outdir = "";
  afterAll(() => fs.rm(outdir, { recursive: true, force: true }));
  beforeAll(async () => {
    outdir = await fs.mkdtemp(path.join(os.tmpdir(), "aws-security-"));
    await synthesize({ environments: parseEnvironments(environments), outdir });
    for (const stack of await fs.readdir(path.join(outdir, "stacks"))) {
      const text = await fs.readFile(path.join(outdir, "stacks", stack, "cdk.tf.json"), "utf8");
      const { resource = {} } = JSON.parse(text) as { resource?: Record<string, Record<string, Block>> };
      for (const [type, named] of Object.entries(resource))
        for (const [name, block] of Object.entries(named)) blocks.set(`${stack}: ${type}.${name}`, { type, block });
    }
  });

  const ofType = (type: string): [string, Block][] =>
    [...blocks].flatMap(([name, found]): [string, Block][] => (found.type === type ? [[name, found.block]] : []));

  /** Every statement of every policy that allows something. */
  const allowed = (): [string, Block][] =>
    [...blocks].flatMap(([name, { block }]) =>
      ["policy", "assume_role_policy"].flatMap((attribute): [string, Block][] => {
        const text = block[attribute] as string | undefined;
        if (text === undefined) return [];
        expect(text, name).toMatch(/^\{/);
        const { Statement } = JSON.parse(text) as { Statement: Block[] };
        return Statement.filter(({ Effect }) => Effect === "Allow").map((statement) => [name, statement]);
      }),
    );

  it("lets nobody in from everywhere, and has no rule without a source", () => {
    const rules = ofType("aws_vpc_security_group_ingress_rule");
    expect(rules.length).toBeGreaterThan(20);
    for (const [name, rule] of rules) {
      const sources = [rule["cidr_ipv4"], rule["referenced_security_group_id"]].filter((it) => it !== undefined);
      expect(sources, name).toHaveLength(1);
      expect(rule["cidr_ipv4"] ?? "", name).not.toMatch(/\/0$/);
      expect(rule, name).not.toHaveProperty("cidr_ipv6");
    }
    for (const [name, group] of ofType("aws_security_group")) {
      expect(group, name).not.toHaveProperty("ingress");
      expect(group, name).not.toHaveProperty("egress");
    }
  });

  it("allows no action that is a pattern, and nothing on everything but what AWS cannot limit", () => {
    const statements = allowed();
    expect(statements.length).toBeGreaterThan(20);
    for (const [name, { Sid, Action, Resource, NotAction, NotResource }] of statements) {
      expect([NotAction, NotResource], name).toEqual([undefined, undefined]);
      expect(JSON.stringify(Action), name).not.toContain("*");
      if (JSON.stringify(Resource)?.includes('"*"')) expect(Sid, name).toBe("SessionManager");
    }
  });

  it("encrypts every disk, and has no machine with a public address or the old metadata service", () => {
    for (const [name, { encrypted, kms_key_id }] of ofType("aws_ebs_volume")) {
      expect(encrypted, name).toBe(true);
      expect(kms_key_id, name).toBeDefined();
    }
    const machines = ofType("aws_instance");
    expect(machines.length).toBeGreaterThan(10);
    for (const [name, machine] of machines) {
      expect(machine, name).toMatchObject({ root_block_device: { encrypted: true } });
      expect(machine, name).toMatchObject({ metadata_options: { http_tokens: "required" } });
      expect(machine["associate_public_ip_address"] ?? false, name).toBe(false);
      expect(machine, name).not.toHaveProperty("key_name");
    }
    for (const [name, subnet] of ofType("aws_subnet")) expect(subnet["map_public_ip_on_launch"], name).toBe(false);
  });

  it("keeps every bucket closed, versioned, encrypted and to TLS", () => {
    const stacks = ofType("aws_s3_bucket").map(([name]) => name.split(":")[0]);
    expect(stacks.length).toBe(environments.length);
    for (const stack of stacks) {
      const its = (type: string): Block => ofType(type).find(([name]) => name.startsWith(`${stack}:`))?.[1] ?? {};
      expect(its("aws_s3_bucket_public_access_block"), stack).toMatchObject({
        block_public_acls: true,
        block_public_policy: true,
        ignore_public_acls: true,
        restrict_public_buckets: true,
      });
      expect(its("aws_s3_bucket_versioning"), stack).toMatchObject({ versioning_configuration: { status: "Enabled" } });
      expect(JSON.stringify(its("aws_s3_bucket_server_side_encryption_configuration")), stack).toContain("aws:kms");
      expect(its("aws_s3_bucket_policy")["policy"], stack).toContain("aws:SecureTransport");
    }
  });

  it("has no password, key or secret in it", () => {
    const text = JSON.stringify([...blocks.values()]);
    expect(text).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|requirepass|masterauth [^"]|aws_secret_access_key/i);
  });
});
