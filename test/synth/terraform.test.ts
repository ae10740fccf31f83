import fs from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { Environment } from "../../environments/environment.ts";
import { filesBelow } from "../../stacks/sync-folder.ts";
import { synthesize } from "../../stacks/synth.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { specsOf } from "../../topology/render.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { temporaryFolder } from "../support/synth.ts";
import { terraform } from "../support/terraform.ts";

/** What a provisioner ran: its verb and what it was told. */
interface Call {
  readonly verb: string;
  readonly spec?: NodeSpec;
  readonly node?: Record<string, string>;
}

let project: string;
beforeEach(async () => {
  project = path.join(await temporaryFolder(), "a project");
});

const stackFolder = (zone: string) => path.join(project, "cdktf.out/stacks", `demo-zone-${zone}`);

/** Synthesizes, and puts a program in place of the real one that only writes down how it was called. */
async function synth(environment: Environment): Promise<void> {
  await synthesize({ environments: [environment], outdir: path.join(project, "cdktf.out") });
  for (const file of await filesBelow(project)) {
    if (file.endsWith("redis-ha.cjs"))
      await fs.writeFile(path.join(project, file), recorder(path.join(project, "calls")));
  }
}

const recorder = (calls: string): string => `
const { REDIS_HA_SPEC: spec, REDIS_HA_NODE: node } = process.env;
const call = { verb: process.argv.slice(2).join(" "), spec: spec && JSON.parse(spec), node: node && JSON.parse(node) };
require("node:fs").appendFileSync(${JSON.stringify(calls)}, JSON.stringify(call) + "\\n");
`;

/** The calls since the last time, in their order. */
async function calls(): Promise<Call[]> {
  const file = path.join(project, "calls");
  const lines = (await fs.readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  await fs.rm(file, { force: true });
  return lines.map((line) => JSON.parse(line) as Call);
}

async function apply(zone: string): Promise<string> {
  await terraform(stackFolder(zone), "init");
  return terraform(stackFolder(zone), "apply", "-auto-approve");
}

const plan = (zone: string) => terraform(stackFolder(zone), "plan", "-no-color");

test("creating a node installs it, then applies its spec; applying again does nothing", async () => {
  const environment = anEnvironment();
  await synth(environment);
  await apply("a");
  const spec = specsOf(environment)[0];
  expect(await calls()).toEqual([
    { verb: "host install", spec },
    { verb: "host apply", spec },
  ]);
  expect(await plan("a")).toContain("No changes.");
  expect(await fs.readdir(path.join(project, ".state/demo"))).toEqual(["demo-zone-a.tfstate"]);
});

test("the addresses in the state are stable", async () => {
  await synth(anEnvironment());
  await apply("b");
  expect((await terraform(stackFolder("b"), "state", "list")).split("\n")).toEqual([
    'terraform_data.configuration["redis-b"]',
    'terraform_data.membership["redis-b"]',
  ]);
});

test("text that looks like a Terraform template reaches the node as it was written", async () => {
  const value = "${x} %{y} $${z} %%{if} $x $$ {}";
  const environment = anEnvironment({ settings: { maxMemoryMb: 100, redisConf: { "proc-title-template": value } } });
  await synth(environment);
  await terraform(stackFolder("a"), "init");
  expect(await terraform(stackFolder("a"), "validate")).toContain("Success!");
  await apply("a");
  const spec = specsOf(environment)[0];
  expect(spec?.files["redis.conf"]).toContain(value);
  expect((await calls()).map((call) => call.spec)).toEqual([spec, spec]);
});

test("the plan shows a changed redis.conf line by line", async () => {
  await synth(anEnvironment());
  await apply("a");
  await synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
  const lines = (await plan("a")).split("\n").map((line) => line.trim());
  expect(lines).toContain("- maxmemory 104857600");
  expect(lines).toContain("+ maxmemory 209715200");
  expect(lines).toContain("Plan: 1 to add, 0 to change, 1 to destroy.");
});

test("a changed setting applies the new spec, and retires nobody", async () => {
  await synth(anEnvironment());
  await apply("a");
  await calls();
  await synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
  await apply("a");
  expect((await calls()).map(({ verb }) => verb)).toEqual(["host apply"]);
});

test("a changed peer applies the new spec, and the plan names what changed", async () => {
  await synth(anEnvironment());
  await apply("a");
  await calls();
  await synth(
    anEnvironment({ zones: { ...threeZones, c: { nodes: [{ name: "redis-c", port: 6913, sentinelPort: 26903 }] } } }),
  );
  expect(await plan("a")).toMatch(/~ redisPort += 6903 -> 6913/);
  await apply("a");
  expect((await calls()).map(({ verb }) => verb)).toEqual(["host apply"]);
});

test("a node on another port is another node: the old one is retired before the new one is installed", async () => {
  await synth(anEnvironment());
  await apply("c");
  await calls();
  await synth(
    anEnvironment({ zones: { ...threeZones, c: { nodes: [{ name: "redis-c", port: 6913, sentinelPort: 26903 }] } } }),
  );
  await apply("c");
  expect((await calls()).map(({ verb }) => verb)).toEqual(["host retire", "host install", "host apply"]);
});

test("a node that is no longer described is retired, also when its zone is empty then; it can come back", async () => {
  const filled = { ...threeZones, d: { nodes: [{ name: "redis-d", runs: ["redis" as const], port: 6904 }] } };
  await synth(anEnvironment({ zones: filled }));
  await apply("d");
  await calls();

  await synth(anEnvironment({ zones: { ...threeZones, d: { nodes: [] } } }));
  await apply("d");
  expect(await calls()).toEqual([
    { verb: "host retire", node: { environment: "demo", target: "local", node: "redis-d", zone: "d" } },
  ]);

  await synth(anEnvironment({ zones: filled }));
  await apply("d");
  expect((await calls()).map(({ verb }) => verb)).toEqual(["host install", "host apply"]);
});

test("destroying a zone retires its nodes", async () => {
  await synth(anEnvironment());
  await apply("a");
  await calls();
  await terraform(stackFolder("a"), "destroy", "-auto-approve");
  expect((await calls()).map(({ verb }) => verb)).toEqual(["host retire"]);
});

test("a new program alone changes nothing in the plan", async () => {
  await synth(anEnvironment());
  await apply("a");
  const assets = path.join(stackFolder("a"), "assets/redis-ha");
  const [hash = ""] = await fs.readdir(assets);
  await fs.rename(path.join(assets, hash), path.join(assets, "ANOTHER"));
  const stack = path.join(stackFolder("a"), "cdk.tf.json");
  await fs.writeFile(stack, (await fs.readFile(stack, "utf8")).replaceAll(hash, "ANOTHER"));
  expect(await plan("a")).toContain("No changes.");
});
