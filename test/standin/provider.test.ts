import fs from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/synth.ts";
import { registryAnswers, standInOrNothing } from "../support/terraform-providers.ts";
import { terraformWith } from "../support/terraform.ts";

const standIn = await standInOrNothing();

/** A folder with `null_resource.it`, and Terraform for it. */
async function nullResource(env: Record<string, string>, triggers: Record<string, string>, more: object = {}) {
  const folder = await temporaryFolder();
  const inFolder = terraformWith(env);
  const write = (now: Record<string, string>) =>
    fs.writeFile(
      path.join(folder, "it.tf.json"),
      JSON.stringify({
        terraform: { required_providers: { null: { source: "hashicorp/null", version: "3.2.4" } } },
        resource: { null_resource: { it: { triggers: now, ...more } } },
        output: { id: { value: "${null_resource.it.id}" } },
      }),
    );
  await write(triggers);
  await inFolder(folder, "init");
  const run = (...args: string[]) => inFolder(folder, ...args);
  return {
    write,
    run,
    apply: () => run("apply", "-auto-approve"),
    id: async () => JSON.parse(await run("output", "-json", "id")) as string,
  };
}

describe.each([
  { name: "the stand-in", env: standIn },
  // Where it can be had, the real provider has to do the same.
  { name: "the real provider", env: registryAnswers ? {} : undefined },
])("null_resource of $name", ({ env }) => {
  it.skipIf(!env)("keeps its id until a trigger changes, and is another resource then", async () => {
    const { write, run, apply, id } = await nullResource(env ?? {}, { file: "port 1\nbind 2\n", other: "same" });
    expect(await apply()).toContain("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.");
    const first = await id();
    expect(first).toMatch(/^\d+$/);
    expect(await run("plan")).toContain("No changes.");
    expect(await apply()).toContain("Resources: 0 added, 0 changed, 0 destroyed.");
    expect(await id()).toBe(first);

    await write({ file: "port 1\nbind 3\n", other: "same" });
    const plan = await run("plan", "-no-color");
    expect(plan).toContain("null_resource.it must be replaced");
    expect(plan).toMatch(/- bind 2\n *\+ bind 3\n/);
    expect(plan).toContain("forces replacement");
    expect(await apply()).toContain("Resources: 1 added, 0 changed, 1 destroyed.");
    expect(await id()).not.toBe(first);
    expect(await run("plan")).toContain("No changes.");

    expect(await run("destroy", "-auto-approve")).toContain("Resources: 1 destroyed.");
    expect(await run("state", "list")).toBe("");
  });
});

describe.skipIf(!standIn)("the stand-in", () => {
  it("has the schema that is committed", async () => {
    const { run } = await nullResource(standIn ?? {}, {});
    const { provider_schemas: schemas } = JSON.parse(await run("providers", "schema", "-json")) as {
      provider_schemas: Record<string, { resource_schemas: Record<string, { block: { attributes: object } }> }>;
    };
    const [provider] = Object.values(schemas);
    expect(Object.keys(provider?.resource_schemas ?? {})).toEqual(["null_resource"]);
    expect(provider?.resource_schemas["null_resource"]?.block.attributes).toMatchObject({
      id: { type: "string", computed: true },
      triggers: { type: ["map", "string"], optional: true },
    });
  });

  it("refuses a value for what is computed", async () => {
    const { run } = await nullResource(standIn ?? {}, {}, { id: "mine" });
    await expect(run("validate")).rejects.toThrow("null_resource.id is computed and cannot be set");
  });

  it("refuses an import, and says that it is for tests only", async () => {
    const { run } = await nullResource(standIn ?? {}, {});
    await expect(run("import", "null_resource.it", "1")).rejects.toThrow(/cannot be imported[^]*for tests only/);
  });

  it("is found in place of providers that it has the schema of, and of no other", async () => {
    const folder = await temporaryFolder();
    const providers = { terraform: { required_providers: { random: { source: "hashicorp/random" } } } };
    await fs.writeFile(path.join(folder, "it.tf.json"), JSON.stringify(providers));
    await expect(terraformWith(standIn ?? {})(folder, "init")).rejects.toThrow("standin-provider/");
  });
});
