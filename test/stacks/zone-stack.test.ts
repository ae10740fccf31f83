import fs from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import { sshInput } from "../environments/inputs.ts";
import { TerraformData } from "../../stacks/terraform-data.ts";
import { specsOf } from "../../topology/render.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import "../support/matchers.ts";
import { addressesOf, synthIntoTemporaryFolder, synthStacks } from "../support/synth.ts";
import type { SynthesizedStack } from "../support/synth.ts";

const zoneA = async (change: Parameters<typeof anEnvironment>[0] = {}): Promise<SynthesizedStack> =>
  theStack(await synthStacks([anEnvironment(change)]), "demo-zone-a");

function theStack(stacks: Record<string, SynthesizedStack>, name: string): SynthesizedStack {
  const stack = stacks[name];
  if (!stack) throw new Error(`no stack ${name}, only ${Object.keys(stacks).join(", ")}`);
  return stack;
}

function membershipAndConfiguration(stack: SynthesizedStack) {
  const { membership, configuration } = stack.resource["terraform_data"] ?? {};
  if (!membership || !configuration) throw new Error("a node's resources are missing");
  return { membership, configuration };
}

test("the addresses of a stack are stable: renaming one would retire every node of a running cluster", async () => {
  const stacks = await synthStacks([anEnvironment()]);
  expect(Object.fromEntries(Object.entries(stacks).map(([name, stack]) => [name, addressesOf(stack)])))
    .toMatchInlineSnapshot(`
      {
        "demo-zone-a": [
          "terraform_data.configuration",
          "terraform_data.membership",
        ],
        "demo-zone-b": [
          "terraform_data.configuration",
          "terraform_data.membership",
        ],
        "demo-zone-c": [
          "terraform_data.configuration",
          "terraform_data.membership",
        ],
      }
    `);
});

test("a zone's nodes come from one block a kind, by node name", async () => {
  const stack = await zoneA();
  const { membership, configuration } = membershipAndConfiguration(stack);
  expect(Object.keys(stack.locals.nodes)).toEqual(["redis-a"]);
  expect([membership.for_each, configuration.for_each]).toEqual(["${local.nodes}", "${local.nodes}"]);
});

test("an emptied zone keeps its blocks, because the destroy provisioner runs only while its block is there", async () => {
  const stacks = await synthStacks([anEnvironment({ zones: { ...threeZones, d: { nodes: [] } } })]);
  const stack = theStack(stacks, "demo-zone-d");
  const { membership } = membershipAndConfiguration(stack);
  expect(stack.locals.nodes).toEqual({});
  expect(membership).toEqual({
    ...membershipAndConfiguration(theStack(stacks, "demo-zone-a")).membership,
    "//": expect.anything() as unknown,
  });
});

test("a node carries its spec as text that Terraform takes literally", async () => {
  const environment = anEnvironment({
    settings: { maxMemoryMb: 100, redisConf: { "proc-title-template": "${x}%{y}" } },
  });
  const stack = theStack(await synthStacks([environment]), "demo-zone-a");
  const text = JSON.stringify(stack.locals.nodes);
  expect(text).toContain("$${x}%%{y}");
  expect(JSON.parse(text.replaceAll("$${", "${").replaceAll("%%{", "%{"))).toEqual({
    "redis-a": specsOf(environment)[0],
  });
});

test("membership is replaced when, and only when, the node becomes another node", async () => {
  expect(await zoneA()).toHaveResourceWithProperties(TerraformData, {
    triggersReplace: {
      name: "${each.key}",
      address: "${each.value.node.address}",
      kind: "${each.value.node.kind}",
      redisPort: "${try(each.value.node.redisPort, null)}",
      sentinelPort: "${try(each.value.node.sentinelPort, null)}",
      target: "${each.value.target}",
    },
  });
});

test("creating a membership installs, and destroying it retires with what the membership itself remembers", async () => {
  const { membership } = membershipAndConfiguration(await zoneA());
  const [install, retire, ...rest] = membership.provisioner.map((provisioner) => provisioner["local-exec"]);
  expect(install).toMatchObject({ environment: { REDIS_HA_SPEC: "${jsonencode(each.value)}" } });
  expect(install).not.toHaveProperty("when");
  expect(install?.command).toMatch(/ host install$/);
  expect(retire).toMatchObject({ when: "destroy", environment: { REDIS_HA_NODE: "${jsonencode(self.input)}" } });
  expect(retire?.command).toMatch(/ host retire$/);
  expect(rest).toEqual([]);
  expect(membership.input).toEqual({
    environment: "${each.value.environment}",
    target: "${each.value.target}",
    node: "${each.key}",
    zone: "${each.value.node.zone}",
  });
});

test("a new configuration does not retire the node: only membership has a destroy provisioner", async () => {
  const { configuration } = membershipAndConfiguration(await zoneA());
  expect(configuration.provisioner).toHaveLength(1);
  expect(configuration.provisioner[0]?.["local-exec"]).not.toHaveProperty("when");
  expect(configuration.provisioner[0]?.["local-exec"]).toMatchObject({
    command: expect.stringMatching(/ host apply$/) as string,
    environment: { REDIS_HA_SPEC: "${jsonencode(each.value)}" },
  });
});

test("on hosts a node's configuration is a null_resource, with the same triggers and provisioner as on this computer", async () => {
  const onHosts = theStack(
    await synthStacks([parseEnvironment(sshInput(), { computerMemoryMb: 65_536 })]),
    "hosts-zone-a",
  );
  const local = await zoneA();
  expect(addressesOf(onHosts)).toEqual(["null_resource.configuration", "terraform_data.membership"]);
  expect(onHosts.terraform.required_providers).toEqual({ null: { source: "null", version: "3.2.4" } });
  const [there, here] = [onHosts.resource["null_resource"], local.resource["terraform_data"]];
  expect(there?.["configuration"]?.triggers).toContain(
    'merge({ for name, text in each.value.files : name => endswith(name, ".service") ? sha256(text) : text }, {',
  );
  expect(there?.["configuration"]?.triggers).toBe(here?.["configuration"]?.triggers_replace);
  expect(there?.["configuration"]?.for_each).toBe("${local.nodes}");
  expect(there?.["configuration"]?.provisioner).toMatchObject(here?.["configuration"]?.provisioner ?? []);
  expect(local.terraform).not.toHaveProperty("required_providers");
  expect(local).not.toHaveProperty("provider");
});

test("the program of the provisioners is an asset of the stack, found wherever a driver copied the stack to", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  const folder = path.join(outdir, "stacks", "demo-zone-b");
  const stack = JSON.parse(await fs.readFile(path.join(folder, "cdk.tf.json"), "utf8")) as SynthesizedStack;
  const { membership, configuration } = membershipAndConfiguration(stack);
  for (const { "local-exec": provisioner } of [...membership.provisioner, ...configuration.provisioner]) {
    const file = /^node "\$\{path\.module\}\/([^"]+)" host \w+$/.exec(provisioner.command)?.[1] ?? "";
    expect(await fs.readFile(path.join(folder, file), "utf8")).toBe(
      await fs.readFile(path.join(outdir, "redis-ha.cjs"), "utf8"),
    );
  }
});

test("local state is named explicitly, relative to the stack's folder", async () => {
  expect((await zoneA()).terraform.backend).toEqual({ local: { path: "../../../.state/demo/demo-zone-a.tfstate" } });
});

test("state in S3 is encrypted, locked, and has a key of its own for every stack", async () => {
  const stack = await zoneA({ project: "shop", backend: { kind: "s3", bucket: "shop-state", region: "eu-central-1" } });
  expect(stack.terraform.backend).toEqual({
    s3: {
      bucket: "shop-state",
      key: "shop/demo/demo-zone-a.tfstate",
      region: "eu-central-1",
      encrypt: true,
      use_lockfile: true,
    },
  });
});

test("a stack states the Terraform that it needs", async () => {
  expect((await zoneA()).terraform.required_version).toBe(">= 1.10");
});

test("each zone depends on the one before, in the order of the environment", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  const manifest = JSON.parse(await fs.readFile(path.join(outdir, "manifest.json"), "utf8")) as {
    stacks: Record<string, { dependencies: string[] }>;
  };
  expect(Object.entries(manifest.stacks).map(([name, { dependencies }]) => [name, dependencies])).toEqual([
    ["demo-zone-a", []],
    ["demo-zone-b", ["demo-zone-a"]],
    ["demo-zone-c", ["demo-zone-b"]],
  ]);
});
