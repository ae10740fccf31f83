import fs from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import { sshInput } from "../environments/inputs.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import type { Inventory } from "../../topology/inventory.ts";
import { synthesize } from "../../stacks/synth.ts";
import { specsOf } from "../../topology/render.ts";
import { anEnvironment, threeZones } from "../support/environment.ts";
import { fingerprintsOf, synthIntoTemporaryFolder, temporaryFolder } from "../support/synth.ts";

const fourZones = { ...threeZones, d: { nodes: [{ name: "redis-d", runs: ["redis" as const], port: 6904 }] } };

/** A time long gone: whatever is written later has another one. */
const longAgo = new Date("2020-01-01T00:00:00Z");

async function backdate(outdir: string): Promise<void> {
  for (const file of Object.keys(await fingerprintsOf(outdir)))
    await fs.utimes(path.join(outdir, file), longAgo, longAgo);
}

async function writtenSince(outdir: string): Promise<string[]> {
  const written: string[] = [];
  for (const file of Object.keys(await fingerprintsOf(outdir))) {
    if ((await fs.stat(path.join(outdir, file))).mtime > longAgo) written.push(file);
  }
  return written;
}

const readJson = async (...segments: string[]): Promise<unknown> =>
  JSON.parse(await fs.readFile(path.join(...segments), "utf8"));

test("a synth writes the stacks, the inventory, every node's spec and the program", async () => {
  const environments = [anEnvironment(), anEnvironment({ name: "other" })];
  const outdir = await synthIntoTemporaryFolder(environments);

  expect((await fs.readdir(outdir)).sort()).toEqual(
    [".stamp", "environments.json", "manifest.json", "redis-ha.cjs", "specs", "stacks"].sort(),
  );
  expect(await readJson(outdir, "environments.json")).toEqual(inventoryOf(environments));
  for (const spec of environments.flatMap(specsOf)) {
    expect(await readJson(outdir, "specs", spec.environment, `${spec.node.name}.json`)).toEqual(spec);
  }
});

test("the inventory names each environment's stacks in the order in which they are applied", () => {
  const { environments } = inventoryOf([anEnvironment({ zones: fourZones })]);
  expect(environments["demo"]).toMatchObject({
    target: "local",
    masterName: "redis-ha-demo",
    quorum: 2,
    stacks: ["demo-zone-a", "demo-zone-b", "demo-zone-c", "demo-zone-d"],
  });
});

test("the inventory says how hosts are reached, with the description's own paths, and nothing where there are none", async () => {
  const target = { kind: "ssh", user: "admin", proxyJump: "bastion", knownHostsFile: ".lab/known_hosts" } as const;
  const environments = [anEnvironment(), parseEnvironment({ ...sshInput(), target })];
  const outdir = await synthIntoTemporaryFolder(environments);
  const written = (await readJson(outdir, "environments.json")) as Inventory;
  expect(written.environments["hosts"]?.reach).toEqual({
    user: "admin",
    port: 22,
    proxyJump: "bastion",
    knownHostsFile: ".lab/known_hosts",
  });
  expect(written.environments["demo"]).not.toHaveProperty("reach");
});

test("a second synth rewrites nothing but the stamp", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  const before = await fingerprintsOf(outdir);
  await backdate(outdir);
  await synthesize({ environments: [anEnvironment()], outdir });
  expect(await fingerprintsOf(outdir)).toEqual(before);
  expect(await writtenSince(outdir)).toEqual([".stamp"]);
});

test("a changed setting rewrites only what it changes", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment(), anEnvironment({ name: "other" })]);
  await backdate(outdir);
  const changed = anEnvironment({ name: "other", settings: { maxMemoryMb: 200 } });
  await synthesize({ environments: [anEnvironment(), changed], outdir });
  expect(await writtenSince(outdir)).toEqual([
    ".stamp",
    ...["redis-a", "redis-b", "redis-c"].map((node) => `specs/other/${node}.json`),
    ...["a", "b", "c"].map((zone) => `stacks/other-zone-${zone}/cdk.tf.json`),
  ]);
});

test("the stamp is written last, with the time at which the sources were read", async () => {
  const outdir = path.join(await temporaryFolder(), "cdktf.out");
  const readAt = new Date("2024-02-03T04:05:06Z");
  await synthesize({ environments: [anEnvironment()], outdir, readAt });
  const stamp = await fs.stat(path.join(outdir, ".stamp"));
  expect(stamp.mtime).toEqual(readAt);
  for (const file of Object.keys(await fingerprintsOf(outdir))) {
    expect((await fs.stat(path.join(outdir, file))).ctimeMs, file).toBeLessThanOrEqual(stamp.ctimeMs);
  }
});

test("a stack that has no Terragrunt unit gets one, and a unit that is there stays as it is", async () => {
  const folder = await temporaryFolder();
  const [outdir, terragruntFolder] = [path.join(folder, "cdktf.out"), path.join(folder, "terragrunt")];
  await fs.mkdir(path.join(terragruntFolder, "demo/zone-a"), { recursive: true });
  await fs.writeFile(path.join(terragruntFolder, "demo/zone-a/terragrunt.hcl"), "# mine\n");
  await synthesize({ environments: [anEnvironment()], outdir, terragruntFolder });
  expect(await fs.readFile(path.join(terragruntFolder, "demo/zone-a/terragrunt.hcl"), "utf8")).toBe("# mine\n");
  expect(await fs.readFile(path.join(terragruntFolder, "demo/zone-b/terragrunt.hcl"), "utf8")).toContain("../zone-a");
});

test("what vanished from the environments vanishes from the output", async () => {
  const outdir = await synthIntoTemporaryFolder([
    anEnvironment({ zones: fourZones }),
    anEnvironment({ name: "other" }),
  ]);
  await fs.mkdir(path.join(outdir, "stacks/other-zone-a/.terraform"));
  await fs.mkdir(path.join(outdir, "stacks/demo-zone-a/assets/redis-ha/OLD"));
  await fs.writeFile(path.join(outdir, "stacks/demo-zone-a/assets/redis-ha/OLD/redis-ha.cjs"), "old");

  await synthesize({ environments: [anEnvironment()], outdir });
  expect(await fingerprintsOf(outdir)).toEqual(await fingerprintsOf(await synthIntoTemporaryFolder([anEnvironment()])));
  expect((await fs.readdir(path.join(outdir, "stacks"))).sort()).toEqual(["demo-zone-a", "demo-zone-b", "demo-zone-c"]);
  expect(await fs.readdir(path.join(outdir, "specs"))).toEqual(["demo"]);
});

test("what Terraform keeps in the folder of a living stack stays", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  const kept = [
    ".terraform/environment",
    ".terraform/providers/p",
    ".terraform.lock.hcl",
    ".terraform.tfstate.lock.info",
    "terraform.tfstate",
    "errored.tfstate",
    "plan",
  ];
  for (const file of kept) {
    const target = path.join(outdir, "stacks/demo-zone-a", file);
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.writeFile(target, "terraform's own");
  }
  await synthesize({ environments: [anEnvironment()], outdir });
  for (const file of kept) {
    expect(await fs.readFile(path.join(outdir, "stacks/demo-zone-a", file), "utf8")).toBe("terraform's own");
  }
});

test("a state that Terraform could not deliver survives its stack", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment(), anEnvironment({ name: "other" })]);
  await fs.writeFile(path.join(outdir, "stacks/other-zone-a/errored.tfstate"), "{}");
  await synthesize({ environments: [anEnvironment()], outdir });
  expect(await fs.readdir(path.join(outdir, "stacks/other-zone-a"))).toEqual(["errored.tfstate"]);
});

test("what no synth writes stays in the output folder", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  await fs.mkdir(path.join(outdir, "stacks/mine"));
  await fs.writeFile(path.join(outdir, "notes.txt"), "mine");
  await fs.writeFile(path.join(outdir, "stacks/readme"), "mine");
  await synthesize({ environments: [anEnvironment()], outdir });
  expect(await fs.readFile(path.join(outdir, "notes.txt"), "utf8")).toBe("mine");
  expect(await fs.readFile(path.join(outdir, "stacks/readme"), "utf8")).toBe("mine");
});

test("a synth that fails leaves the old output as it was, and nothing of its own", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  const before = await fingerprintsOf(outdir);
  await backdate(outdir);
  // Twice the same stack is something that only CDKTF itself finds.
  const twice = [anEnvironment({ name: "other" }), anEnvironment({ name: "other" })];
  await expect(synthesize({ environments: twice, outdir })).rejects.toThrow("other-zone-a");
  expect(await fingerprintsOf(outdir)).toEqual(before);
  expect(await writtenSince(outdir)).toEqual([]);
  expect((await fs.readdir(outdir)).filter((name) => name.startsWith(".synth-"))).toEqual([]);
});

test("two synths at once end with the output of one", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment({ name: "other" })]);
  await Promise.all(Array.from({ length: 4 }, () => synthesize({ environments: [anEnvironment()], outdir })));
  expect(await fingerprintsOf(outdir)).toEqual(await fingerprintsOf(await synthIntoTemporaryFolder([anEnvironment()])));
  expect((await fs.readdir(outdir)).filter((name) => name.startsWith(".synth-"))).toEqual([]);
});

test("the next synth removes what a killed one left behind, and leaves one alone that still runs", async () => {
  const outdir = await synthIntoTemporaryFolder([anEnvironment()]);
  await fs.mkdir(path.join(outdir, ".synth-killed/stacks"), { recursive: true });
  await fs.utimes(path.join(outdir, ".synth-killed"), longAgo, longAgo);
  await fs.mkdir(path.join(outdir, ".synth-running"));
  await synthesize({ environments: [anEnvironment()], outdir });
  expect((await fs.readdir(outdir)).filter((name) => name.startsWith(".synth-"))).toEqual([".synth-running"]);
});
