import fs from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { describeWithTerragrunt, input, type Outcome, ProjectCopy, twoEnvironments } from "./project-copy.ts";

const { local } = twoEnvironments;
const changed = { ...twoEnvironments, local: { ...local, "zone-a": input("changed") } };
const invalid = { error: "environments/local.ts: zones.c.nodes: 2 Sentinels cannot elect a master" };

const ensure = (copy: ProjectCopy): Promise<Outcome> =>
  copy.run(process.execPath, ".", ["tools/ensure-synthesized.mjs"]);
const fine: Outcome = { exitCode: 0, all: "", stdout: "" };

describe("ensure-synthesized", () => {
  test.each<[string, (copy: ProjectCopy) => Promise<unknown>]>([
    ["the output is missing", (copy) => fs.rm(copy.at("cdktf.out"), { recursive: true })],
    ["a source has changed", (copy) => copy.describeStacks(changed)],
    [
      "a source has changed to one with an old time, as out of an archive",
      (copy) => fs.utimes(copy.at("environments/stacks.json"), new Date(0), new Date(0)),
    ],
    [
      "a source has been deleted",
      async (copy) => {
        await fs.writeFile(copy.at("environments/other.ts"), "");
        await ensure(copy);
        await fs.rm(copy.at("synthesized.log"));
        await fs.rm(copy.at("environments/other.ts"));
      },
    ],
    ["a stack's folder is gone", (copy) => fs.rm(copy.at("cdktf.out/stacks/local-zone-b"), { recursive: true })],
  ])("synthesizes when %s, says nothing, and does nothing the next time", async (_, change) => {
    const copy = await ProjectCopy.create();
    expect(await ensure(copy)).toEqual(fine);
    expect(await copy.synthesized()).toBe(0);
    await change(copy);

    expect(await ensure(copy)).toEqual(fine);
    expect(await ensure(copy)).toEqual(fine);

    expect(await copy.synthesized()).toBe(1);
    expect(await fs.readdir(copy.at("cdktf.out/stacks"))).toHaveLength(6);
  });

  test("without npm packages says what to run", async () => {
    const copy = await ProjectCopy.create();
    await fs.rm(copy.at("node_modules"));
    await copy.describeStacks(changed);

    const { exitCode, all } = await ensure(copy);

    expect(exitCode).toBe(1);
    expect(all).toContain("could not be synthesized. Nothing has been applied.");
    expect(all).toContain(`Run \`npm ci\` in ${copy.folder}, then the same command again.`);
  });

  test("ends with what the synth says when that fails, and tries again the next time", async () => {
    const copy = await ProjectCopy.create();
    await copy.describeStacks(invalid);
    const message = `the environments could not be synthesized. Nothing has been applied.\n${invalid.error}`;

    expect(await ensure(copy)).toEqual({ exitCode: 1, all: message, stdout: "" });

    await copy.describeStacks(changed);
    expect(await ensure(copy)).toEqual(fine);
  });
});

describeWithTerragrunt("Terragrunt never works on old output", () => {
  test("several at once over old output: each plans what is described now", async () => {
    const copy = await ProjectCopy.create();
    await copy.describeStacks(changed);
    const zones = ["zone-a", "zone-b", "zone-c"].map((zone) => `terragrunt/local/${zone}`);

    // Each its own unit: two at once in one unit would share its cache and its state's lock.
    const plans = await Promise.all(zones.map((folder) => copy.terragrunt(folder, ["plan"])));

    expect(plans).toEqual(plans.map(() => expect.objectContaining({ exitCode: 0 }) as unknown));
    const planned = plans.map(({ all }) => Array.from(all.matchAll(/\+ input +(?:= )?"(.*)"/g), ([, value]) => value));
    expect(planned.map((values) => values.sort())).toEqual([["changed"], ["local b"], ["local c"]]);
  });

  test("an environment that is not valid stops everything, with the message of the synth", async () => {
    const copy = await ProjectCopy.create();
    await copy.describeStacks(invalid);

    const outcome = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(outcome.exitCode).toBe(1);
    expect(outcome.all).toContain("could not be synthesized. Nothing has been applied.");
    expect(outcome.all).toContain(invalid.error);
    expect(await copy.states()).toEqual([]);
  });
});

describeWithTerragrunt("a unit whose stack has vanished", () => {
  test("fails with what to do and where the state is; nothing of its environment is applied", async () => {
    const { "zone-a": a, "zone-b": b } = local;
    const copy = await ProjectCopy.create({ local: { "zone-a": a, "zone-b": b } });
    await fs.writeFile(copy.at("environments/local.ts"), "");
    await fs.mkdir(copy.at(".state/local"), { recursive: true });
    await fs.writeFile(copy.at(".state/local/local-zone-c.tfstate"), "{}");
    await fs.utimes(copy.at("cdktf.out/.stamp"), new Date(), new Date());

    const outcome = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(outcome.exitCode).toBe(1);
    expect(outcome.all).toContain("environments/local.ts describes no zone c.");
    expect(outcome.all).toContain("Remove the folder terragrunt/local/zone-c.");
    expect(outcome.all).toContain(".state/local/local-zone-c.tfstate");
    expect(await copy.states()).toEqual(["local/local-zone-c.tfstate"]);
  });

  test("does not disturb another environment", async () => {
    const copy = await ProjectCopy.create({ "local-pair": twoEnvironments["local-pair"] });

    expect(await copy.terragrunt("terragrunt/local-pair", ["run", "--all", "plan"])).toMatchObject({ exitCode: 0 });

    const vanished = await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);
    expect(vanished.all).toContain("there is no environment local.");
  });
});
