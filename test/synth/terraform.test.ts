import fs from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { specsOf } from "../../topology/render.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { RecordedProject } from "../support/recorded-project.ts";

let project: RecordedProject;
beforeEach(async () => {
  project = await RecordedProject.create();
});

test("creating a node installs it, then applies its spec; applying again does nothing", async () => {
  const environment = anEnvironment();
  await project.synth(environment);
  await project.apply("demo-zone-a");
  const spec = specsOf(environment)[0];
  expect(await project.calls()).toEqual([
    { verb: "host install", spec },
    { verb: "host apply", spec },
  ]);
  expect(await project.plan("demo-zone-a")).toContain("No changes.");
  expect(await fs.readdir(path.join(project.folder, ".state/demo"))).toEqual(["demo-zone-a.tfstate"]);
});

test("the addresses in the state are stable", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-b");
  expect((await project.run("demo-zone-b", "state", "list")).split("\n")).toEqual([
    'terraform_data.configuration["redis-b"]',
    'terraform_data.membership["redis-b"]',
  ]);
});

test("text that looks like a Terraform template reaches the node as it was written", async () => {
  const value = "${x} %{y} $${z} %%{if} $x $$ {}";
  const environment = anEnvironment({ settings: { maxMemoryMb: 100, redisConf: { "proc-title-template": value } } });
  await project.synth(environment);
  await project.run("demo-zone-a", "init");
  expect(await project.run("demo-zone-a", "validate")).toContain("Success!");
  await project.apply("demo-zone-a");
  const spec = specsOf(environment)[0];
  expect(spec?.files["redis.conf"]).toContain(value);
  expect((await project.calls()).map((call) => call.spec)).toEqual([spec, spec]);
});

test("the plan shows a changed redis.conf line by line", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-a");
  await project.synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
  const lines = (await project.plan("demo-zone-a")).split("\n").map((line) => line.trim());
  expect(lines).toContain("- maxmemory 104857600");
  expect(lines).toContain("+ maxmemory 209715200");
  expect(lines).toContain("Plan: 1 to add, 0 to change, 1 to destroy.");
});

test("a changed setting applies the new spec, and retires nobody", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-a");
  await project.calls();
  await project.synth(anEnvironment({ settings: { maxMemoryMb: 200 } }));
  await project.apply("demo-zone-a");
  expect((await project.calls()).map(({ verb }) => verb)).toEqual(["host apply"]);
});

test("a changed peer applies the new spec, and the plan names what changed", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-a");
  await project.calls();
  await project.synth(
    anEnvironment({ zones: { ...threeZones, c: { nodes: [{ name: "redis-c", port: 6913, sentinelPort: 26903 }] } } }),
  );
  expect(await project.plan("demo-zone-a")).toMatch(/~ redisPort += 6903 -> 6913/);
  await project.apply("demo-zone-a");
  expect((await project.calls()).map(({ verb }) => verb)).toEqual(["host apply"]);
});

test("a node on another port is another node: the old one is retired before the new one is installed", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-c");
  await project.calls();
  await project.synth(
    anEnvironment({ zones: { ...threeZones, c: { nodes: [{ name: "redis-c", port: 6913, sentinelPort: 26903 }] } } }),
  );
  await project.apply("demo-zone-c");
  expect((await project.calls()).map(({ verb }) => verb)).toEqual(["host retire", "host install", "host apply"]);
});

test("a node that is no longer described is retired, also when its zone is empty then; it can come back", async () => {
  const filled = { ...threeZones, d: { nodes: [{ name: "redis-d", runs: ["redis" as const], port: 6904 }] } };
  await project.synth(anEnvironment({ zones: filled }));
  await project.apply("demo-zone-d");
  await project.calls();

  await project.synth(anEnvironment({ zones: { ...threeZones, d: { nodes: [] } } }));
  await project.apply("demo-zone-d");
  expect(await project.calls()).toEqual([
    { verb: "host retire", node: { environment: "demo", target: "local", node: "redis-d", zone: "d" } },
  ]);

  await project.synth(anEnvironment({ zones: filled }));
  await project.apply("demo-zone-d");
  expect((await project.calls()).map(({ verb }) => verb)).toEqual(["host install", "host apply"]);
});

test("destroying a zone retires its nodes", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-a");
  await project.calls();
  await project.run("demo-zone-a", "destroy", "-auto-approve");
  expect((await project.calls()).map(({ verb }) => verb)).toEqual(["host retire"]);
});

test("a new program alone changes nothing in the plan", async () => {
  await project.synth(anEnvironment());
  await project.apply("demo-zone-a");
  const assets = path.join(project.stackFolder("demo-zone-a"), "assets/redis-ha");
  const [hash = ""] = await fs.readdir(assets);
  await fs.rename(path.join(assets, hash), path.join(assets, "ANOTHER"));
  const stack = path.join(project.stackFolder("demo-zone-a"), "cdk.tf.json");
  await fs.writeFile(stack, (await fs.readFile(stack, "utf8")).replaceAll(hash, "ANOTHER"));
  expect(await project.plan("demo-zone-a")).toContain("No changes.");
});
