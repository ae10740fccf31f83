import fs from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { planSchema } from "../cli/documents.ts";
import { type Ran, redisHa } from "../cli/run-cli.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { PlannedProject } from "../support/planned-project.ts";

interface PlanFile {
  format_version: string;
  errored: boolean;
  complete: boolean;
  configuration: { root_module: { resources: { expressions: Record<string, { constant_value?: unknown }> }[] } };
  resource_changes: { index: string; change: { after: { triggers_replace: Record<string, string> } } }[];
}

describe("redis-ha plan", { timeout: 180_000 }, () => {
  let project: PlannedProject;
  beforeEach(async () => {
    project = await PlannedProject.create();
  });
  const temporary = (): string => path.join(project.root, "temporary");
  /** As if what there is had been synthesized just now, after all of its sources. */
  const run = async (...args: string[]): Promise<Ran> => {
    await fs.mkdir(temporary(), { recursive: true });
    await fs.utimes(path.join(project.root, "cdktf.out", ".stamp"), new Date(), new Date());
    return redisHa(project.root, ["plan", ...args], { TMPDIR: temporary() });
  };
  const ofPlans = (...args: string[]): Promise<Ran> => run("--plans", project.plans, ...args);

  it("prints a table of Terragrunt's plans, or a document, and fails on what was asked for", async () => {
    await project.apply(anEnvironment());
    await project.project.synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
    for (const zone of ["a", "b", "c"]) await project.plan(zone);

    const table = await ofPlans();
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout).toContain("demo: 3 of 3 nodes change\n");
    expect(table.stdout).toMatch(
      /│ redis-a │ a +│ settings change while it runs +│ redis.conf: maxmemory 104857600 -> 2/,
    );
    expect(table.stdout).toMatch(/│ redis-b │ b +│ joins the cluster +│ - +│/);
    expect(table.stdout).toMatch(/The last word has each node's agent: [^]*\.$/);

    const json = await ofPlans("--json", "--fail-on", "data,restart");
    expect(json).toMatchObject({ code: 0, stderr: "" });
    const document = planSchema.parse(JSON.parse(json.stdout));
    expect(document).toMatchObject({ environment: "demo", effects: ["live", "add"], failed: [], shared: [] });
    expect(document.nodes[0]?.settings).toEqual([
      { file: "redis.conf", key: "maxmemory", before: "104857600", after: "209715200", effect: "live" },
    ]);

    const failed = await ofPlans("--fail-on", "data, add,live");
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("\n--fail-on: live, add\n");
    const failedDocument = await ofPlans("--json", "--fail-on", "add");
    expect(failedDocument.code).toBe(1);
    expect(JSON.parse(failedDocument.stdout)).toMatchObject({ failed: ["add"] });

    // Where Terragrunt ran above the environment's folder.
    await fs.mkdir(path.join(project.root, "above"));
    await fs.rename(project.plans, path.join(project.root, "above", "demo"));
    expect((await run("--plans", path.join(project.root, "above"))).stdout).toBe(table.stdout);

    expect(await ofPlans()).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /zone-a\/tfplan\.json is missing: the plan of demo-zone-a.*run-all plan --json-out-dir/,
      ) as string,
    });
    expect(await ofPlans("--fail-on", "restart,loss")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(
        '"loss" is none of live, sentinel, restart, add, replace, retire, data',
      ) as string,
    });
  });

  it("makes the plans itself, and leaves no trace of them", async () => {
    await project.apply(anEnvironment());
    const before = await fs.readdir(project.project.stackFolder("demo-zone-a"));
    const made = await run("--json", "--fail-on", "data");
    expect(made.stderr.split("\n")).toEqual(["plans demo-zone-a", "plans demo-zone-b", "plans demo-zone-c"]);
    expect(made.code).toBe(0);
    expect(planSchema.parse(JSON.parse(made.stdout)).nodes.map(({ name, effects }) => [name, effects])).toEqual([
      ["redis-a", []],
      ["redis-b", ["add"]],
      ["redis-c", ["add"]],
    ]);
    expect(await fs.readdir(project.project.stackFolder("demo-zone-a"))).toEqual(before);
    expect(await fs.readdir(temporary())).toEqual([]);

    const document = path.join(project.project.stackFolder("demo-zone-b"), "cdk.tf.json");
    await fs.writeFile(document, (await fs.readFile(document, "utf8")).replace("${local.nodes}", "${local.node}"));
    const broken = await run();
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/demo: terraform \w+ of demo-zone-b failed\. Nothing was changed\.\n[^]*local\.node/);
  });

  it("goes by nothing that is older than its sources", async () => {
    await project.project.synth(anEnvironment());
    await fs.writeFile(path.join(project.root, "main.ts"), "");
    for (const args of [[], ["--plans", project.plans]]) {
      const stale = await redisHa(project.root, ["plan", ...args]);
      // There is nothing here to synthesize it with.
      expect(stale).toMatchObject({ code: 1, stdout: "" });
      expect(stale.stderr).toContain("the environments could not be synthesized");
    }
  });

  it("refuses a plan that says nothing reliable", async () => {
    await project.apply(anEnvironment());
    await project.plan();
    const file = path.join(project.plans, "zone-a", "tfplan.json");
    const json = await fs.readFile(file, "utf8");
    const changed = async (change: (plan: PlanFile) => void): Promise<void> => {
      const plan = JSON.parse(json) as PlanFile;
      change(plan);
      await project.write("a", JSON.stringify(plan));
    };
    const refused = (why: RegExp): void => expect(() => project.outcome()).toThrow(why);

    await project.write("a", json.slice(0, 1000));
    refused(/tfplan\.json: not JSON/);
    await project.write("a", await project.project.run("demo-zone-a", "show", "-json"));
    refused(/not a plan; it is written by terraform show -json of a saved plan/);
    await changed((plan) => (plan.format_version = "2.0"));
    refused(/in the format 2\.0/);
    await changed((plan) => (plan.errored = true));
    refused(/has failed half-way; plan again/);
    await project.plan("a", "-target=terraform_data.membership");
    refused(/a plan of a part \(-target/);
    await project.plan("a", "-refresh-only");
    refused(/as it is synthesized now \(it says nothing about redis-a\); plan again/);

    await project.write("a", json);
    expect(project.outcome().effects).toEqual([]);
    await project.project.synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
    refused(/not a plan of demo-zone-a as it is synthesized now \(redis-a: another redis\.conf\); plan again/);
    await project.project.synth(anEnvironment({ zones: { ...threeZones, a: { nodes: [] }, d: threeZones.a } }));
    refused(/\(it has redis-a\)/);
  });

  it("refuses a plan of another environment or zone, and of stacks that were written otherwise", async () => {
    await project.apply(anEnvironment());
    await project.plan("b");
    await fs.rename(path.join(project.plans, "zone-b"), path.join(project.plans, "zone-a"));
    expect(() => project.outcome()).toThrow(
      /zone-a\/tfplan\.json: not a plan of demo-zone-a .*it says nothing about redis-a/,
    );

    await project.plan();
    const file = path.join(project.plans, "zone-a", "tfplan.json");
    const json = await fs.readFile(file, "utf8");
    const plan = JSON.parse(json) as PlanFile;
    const triggers = plan.resource_changes[0]?.change.after.triggers_replace;
    expect(triggers?.["node"]).toContain('"environment":"demo"');
    await project.write("a", json.replaceAll('\\"environment\\":\\"demo\\"', '\\"environment\\":\\"other\\"'));
    expect(() => project.outcome()).toThrow(/redis-a: another description of the node/);
    const kind = "${each.value.node.kind}";
    await project.write("a", json.replace(kind, "data"));
    expect(() => project.outcome()).toThrow(/terraform_data\.membership: another triggers_replace/);
  });
});
