import fs from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, it } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import type { Environment, EnvironmentInput } from "../../environments/environment.ts";
import { specsOf } from "../../topology/render.ts";
import { sshInput } from "../environments/inputs.ts";
import { createCheckout } from "../support/checkout.ts";
import { callsIn, RecordedProject, recordCalls } from "../support/recorded-project.ts";
import { describeWithProviders, providerEnvironment } from "../support/terraform-providers.ts";

/** Three hosts that nobody ever reaches. */
const hosts = (change: Partial<EnvironmentInput> = {}): Environment =>
  parseEnvironment({ ...sshInput(), ...change }, { computerMemoryMb: 65_536 });

const moreMemory = { settings: { maxMemoryMb: 1024 } };
const verbs = (calls: readonly { verb: string }[]) => calls.map(({ verb }) => verb);

describeWithProviders("a zone of hosts, by Terraform", () => {
  let project: RecordedProject;
  beforeEach(async () => {
    project = await RecordedProject.create(providerEnvironment);
    await project.synth(hosts());
    await project.apply("hosts-zone-a");
  });

  it("installs and applies a node once, and finds nothing to change after", async () => {
    const spec = specsOf(hosts())[0];
    expect(await project.calls()).toEqual([
      { verb: "host install", spec },
      { verb: "host apply", spec },
    ]);
    expect(await project.plan("hosts-zone-a")).toContain("No changes.");
    expect((await project.run("hosts-zone-a", "state", "list")).split("\n")).toEqual([
      'null_resource.configuration["redis-a"]',
      'terraform_data.membership["redis-a"]',
    ]);
  });

  it("shows a changed redis.conf line by line, applies it, and retires nobody", async () => {
    await project.calls();
    await project.synth(hosts(moreMemory));
    const lines = (await project.plan("hosts-zone-a")).split("\n").map((line) => line.trim());
    expect(lines).toContain("- maxmemory 2147483648");
    expect(lines).toContain("+ maxmemory 1073741824");
    expect(lines).toContain("Plan: 1 to add, 0 to change, 1 to destroy.");
    await project.apply("hosts-zone-a");
    expect(verbs(await project.calls())).toEqual(["host apply"]);
    expect(await project.plan("hosts-zone-a")).toContain("No changes.");
  });

  it("makes another node of one with another address: its configuration follows its membership", async () => {
    await project.calls();
    const zones = { ...sshInput().zones, a: { nodes: [{ name: "redis-a", address: "10.0.1.11" }] } };
    await project.synth(hosts({ zones }));
    await project.apply("hosts-zone-a");
    expect(verbs(await project.calls())).toEqual(["host retire", "host install", "host apply"]);
  });

  it("retires its nodes when it is destroyed", async () => {
    await project.calls();
    await project.run("hosts-zone-a", "destroy", "-auto-approve");
    const [retired, ...more] = await project.calls();
    expect(retired).toMatchObject({ verb: "host retire", node: { node: "redis-a", address: "10.0.1.10" } });
    expect(more).toEqual([]);
  });
});

describeWithProviders("an environment of hosts, by both drivers", { timeout: 180_000 }, () => {
  it("is applied zone by zone by cdktf; Terragrunt finds nothing to change, and applies the next change", async () => {
    const checkout = await createCheckout(sshInput());
    try {
      const synth = async () => {
        expect(await checkout.synth()).toMatchObject({ code: 0 });
        await recordCalls(checkout.root);
      };
      const applied = async () =>
        (await callsIn(checkout.root)).flatMap(({ verb, spec }) => (spec ? [`${verb} ${spec.node.name}`] : []));
      const run = async (program: string, args: string[], folder = ""): Promise<string> => {
        const file = path.join(checkout.root, "node_modules/.bin", program);
        const cwd = path.join(checkout.root, folder);
        const { code, all } = await checkout.run(file, args, { cwd, env: providerEnvironment });
        expect(code, all).toBe(0);
        return all;
      };
      const cdktf = ["deploy", "hosts-zone-*", "--skip-synth", "--skip-provider-lock", "--auto-approve"];

      await synth();
      await run("cdktf", cdktf);
      expect(await applied()).toEqual(
        ["a", "b", "c"].flatMap((zone) => [`host install redis-${zone}`, `host apply redis-${zone}`]),
      );

      const plan = await run("terragrunt", ["run-all", "plan"], "terragrunt/hosts");
      expect(plan.match(/No changes\./g)).toHaveLength(3);

      checkout.describe({ ...sshInput(), ...moreMemory });
      await synth();
      const apply = ["run-all", "apply", "--non-interactive", "-auto-approve"];
      await run("terragrunt", apply, "terragrunt/hosts");
      expect(await applied()).toEqual(["a", "b", "c"].map((zone) => `host apply redis-${zone}`));
      const states = await fs.readdir(path.join(checkout.root, ".state/hosts"));
      expect(states.filter((file) => file.endsWith(".tfstate")).sort()).toEqual(
        ["a", "b", "c"].map((zone) => `hosts-zone-${zone}.tfstate`),
      );
    } finally {
      await checkout.remove();
    }
  });
});
