import fs from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { environments } from "../../environments/index.ts";
import { unitsOf, writeMissingUnits, type StackGraph } from "../../stacks/terragrunt-units.ts";
import type { Inventory } from "../../topology/inventory.ts";
import { synthIntoTemporaryFolder, temporaryFolder } from "../support/synth.ts";
import { projectRoot } from "./project-copy.ts";
import { parseUnit, problemsOf, type StackDocument, type UnitFile } from "./unit-checks.ts";

const terragruntFolder = path.join(projectRoot, "terragrunt");

const readJson = async (file: string): Promise<unknown> => JSON.parse(await fs.readFile(file, "utf8")) as unknown;

/** The units below a folder, `<environment>/<stack>` by text. */
async function unitsBelow(folder: string): Promise<Record<string, string>> {
  const files = (await fs.readdir(folder, { recursive: true })).filter((file) =>
    /^[^/.]+\/[^/.]+\/terragrunt\.hcl$/.test(file),
  );
  const texts = files.map(
    async (file) => [path.dirname(file), await fs.readFile(path.join(folder, file), "utf8")] as const,
  );
  return Object.fromEntries(await Promise.all(texts));
}

async function parsedUnits(folder: string): Promise<Record<string, UnitFile>> {
  const parsed = Object.entries(await unitsBelow(folder)).map(
    async ([it, text]) => [it, await parseUnit(text)] as const,
  );
  return Object.fromEntries(await Promise.all(parsed));
}

describe("the units of this checkout", () => {
  test("fit the synthesized stacks: sources, order, values", async () => {
    const outdir = await synthIntoTemporaryFolder(environments);
    const graph = (await readJson(path.join(outdir, "manifest.json"))) as StackGraph;
    const documents = await Promise.all(
      Object.keys(graph.stacks).map(
        async (name) =>
          [name, (await readJson(path.join(outdir, "stacks", name, "cdk.tf.json"))) as StackDocument] as const,
      ),
    );

    const units = await parsedUnits(terragruntFolder);

    expect(Object.keys(graph.stacks)).toContain("local-zone-c");
    expect(problemsOf({ graph, units, documents: Object.fromEntries(documents) })).toEqual([]);
  });

  test("are what a synth would write", async () => {
    const outdir = await synthIntoTemporaryFolder(environments);
    const folder = await temporaryFolder();

    await writeMissingUnits(outdir, folder);

    expect(await unitsBelow(terragruntFolder)).toEqual(await unitsBelow(folder));
  });
});

describe("writeMissingUnits", () => {
  const output = async (stacks: Record<string, string[]>): Promise<string> => {
    const outdir = await temporaryFolder();
    const graph = Object.fromEntries(Object.entries(stacks).map(([name, dependencies]) => [name, { dependencies }]));
    const inventory = { version: 1, environments: { prod: { stacks: Object.keys(stacks) } } };
    await fs.writeFile(path.join(outdir, "manifest.json"), JSON.stringify({ version: "x", stacks: graph }));
    await fs.writeFile(path.join(outdir, "environments.json"), JSON.stringify(inventory));
    for (const name of Object.keys(stacks)) {
      await fs.mkdir(path.join(outdir, "stacks", name), { recursive: true });
      await fs.writeFile(path.join(outdir, "stacks", name, "cdk.tf.json"), "{}");
    }
    return outdir;
  };

  test("writes a unit for a stack that has none", async () => {
    const folder = await temporaryFolder();
    const outdir = await output({ "prod-zone-a": [], "prod-zone-b": ["prod-zone-a"] });

    await writeMissingUnits(outdir, folder);

    expect(await parsedUnits(folder)).toEqual({
      "prod/zone-a": { include: { root: [{ path: '${find_in_parent_folders("root.hcl")}' }] } },
      "prod/zone-b": {
        include: { root: [{ path: '${find_in_parent_folders("root.hcl")}' }] },
        dependencies: [{ paths: ["../zone-a"] }],
      },
    });
  });

  test("leaves a unit alone that is there, whatever it says", async () => {
    const folder = await temporaryFolder();
    await fs.mkdir(path.join(folder, "prod/zone-a"), { recursive: true });
    await fs.writeFile(path.join(folder, "prod/zone-a/terragrunt.hcl"), "# mine");

    await writeMissingUnits(await output({ "prod-zone-a": [] }), folder);

    expect(await fs.readFile(path.join(folder, "prod/zone-a/terragrunt.hcl"), "utf8")).toBe("# mine");
  });
});

describe("unitsOf", () => {
  const inventory = {
    environments: { shared: { stacks: ["shared-network"] }, prod: { stacks: ["prod-zone-a", "prod-zone-b"] } },
  } as unknown as Inventory;
  const graph = {
    stacks: {
      "shared-network": { dependencies: [] },
      "prod-zone-a": { dependencies: ["shared-network"] },
      "prod-zone-b": { dependencies: ["prod-zone-a", "shared-network"] },
    },
  };

  test("finds stacks of other environments", () => {
    expect(unitsOf(inventory, graph, {})).toEqual([
      { folder: "shared/network", after: [], takes: {} },
      { folder: "prod/zone-a", after: ["../../shared/network"], takes: {} },
      { folder: "prod/zone-b", after: ["../zone-a", "../../shared/network"], takes: {} },
    ]);
  });

  test("tells whose outputs a stack takes from those that only come before", () => {
    const variables = { "prod-zone-b": ["zone-a", "size"] };
    expect(unitsOf(inventory, graph, variables).at(-1)).toEqual({
      folder: "prod/zone-b",
      after: ["../../shared/network"],
      takes: { "zone-a": "../zone-a" },
    });
  });

  test("a stack that nobody has is named", () => {
    const broken = { stacks: { ...graph.stacks, "prod-zone-a": { dependencies: ["prod-zone-z"] } } };

    expect(() => unitsOf(inventory, broken, {})).toThrow("prod-zone-a depends on prod-zone-z");
  });
});
