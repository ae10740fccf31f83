import fs from "node:fs/promises";
import { expect, test } from "vitest";
import { describeWithTerragrunt, ProjectCopy, twoEnvironments } from "./project-copy.ts";

const { local = {} } = twoEnvironments;
const plan = ["run", "--all", "plan"];

describeWithTerragrunt("Terragrunt never works on old output", () => {
  test("missing output is synthesized, once for all units; nothing is done again while nothing changes", async () => {
    const copy = await ProjectCopy.create();

    expect(await copy.terragrunt("terragrunt/local", plan)).toMatchObject({ exitCode: 0 });
    expect(await copy.terragrunt("terragrunt/local", plan)).toMatchObject({ exitCode: 0 });

    expect(await copy.synthesized()).toBe(1);
  });

  test("a changed source is planned, in the same command", async () => {
    const copy = await ProjectCopy.create();
    await copy.terragrunt("terragrunt/local", plan);
    const changed = { document: { resource: { terraform_data: { it: { input: "changed" } } } } };
    await copy.describeStacks({ ...twoEnvironments, local: { ...local, "zone-a": changed } });

    const outcome = await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);

    expect(outcome.all).toContain(`"changed"`);
    expect(await copy.synthesized()).toBe(2);
  });

  test("a source with an old time, as out of an archive, counts as changed", async () => {
    const copy = await ProjectCopy.create();
    await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);
    const source = copy.at("environments/stacks.json");
    await fs.utimes(source, new Date(0), new Date(0));

    await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);

    expect(await copy.synthesized()).toBe(2);
  });

  test("a deleted source counts as changed", async () => {
    const copy = await ProjectCopy.create();
    await fs.writeFile(copy.at("environments/other.ts"), "");
    await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);
    await fs.rm(copy.at("environments/other.ts"));

    await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);

    expect(await copy.synthesized()).toBe(2);
  });

  test("a stack's folder that was deleted by hand is synthesized again", async () => {
    const copy = await ProjectCopy.create();
    await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);
    await fs.rm(copy.at("cdktf.out/stacks/local-zone-b"), { recursive: true });

    expect(await copy.terragrunt("terragrunt/local", plan)).toMatchObject({ exitCode: 0 });
  });

  test("an environment that is not valid stops everything, with the message of the synth, said by one run of it", async () => {
    const copy = await ProjectCopy.create();
    const broken = { error: "environments/local.ts: zones.c.nodes: 2 Sentinels cannot elect a master" };
    await fs.writeFile(copy.at("environments/stacks.json"), JSON.stringify(broken));

    const outcome = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.all).toContain("could not be synthesized. Nothing has been applied.");
    expect(outcome.all).toContain(broken.error);
    expect(await copy.synthesized()).toBe(1);
    expect(await fs.readdir(copy.at(".state")).catch(() => [])).toEqual([]);
  });

  test("without npm packages the message says what to run", async () => {
    const copy = await ProjectCopy.create();
    await fs.rm(copy.at("node_modules"));

    const outcome = await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);

    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.all).toContain(`Run \`npm ci\` in ${copy.folder}`);
  });

  test("the lock of a synth that was killed is no obstacle", async () => {
    const copy = await ProjectCopy.create();
    const { pid } = await copy.run("sh", ".", ["-c", "echo $$"], {}).then(({ stdout }) => ({ pid: stdout.trim() }));
    await fs.mkdir(copy.at("cdktf.out"));
    await fs.writeFile(copy.at("cdktf.out/.synth.lock"), pid);

    expect(await copy.terragrunt("terragrunt/local", plan)).toMatchObject({ exitCode: 0 });
    expect(await copy.synthesized()).toBe(1);
  });

  test("many at once synthesize once, and each finds the output complete", async () => {
    const copy = await ProjectCopy.create();

    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => copy.run("node", ".", ["tools/ensure-synthesized.mjs"], {})),
    );

    expect(outcomes).toEqual(outcomes.map(() => ({ exitCode: 0, all: "", stdout: "" })));
    expect(await copy.synthesized()).toBe(1);
  });
});

describeWithTerragrunt("a unit whose stack has vanished", () => {
  test("fails with what to do and where the state is, and nothing is applied", async () => {
    const copy = await ProjectCopy.create();
    await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);
    const { "zone-a": a = {}, "zone-b": b = {} } = local;
    await copy.describeStacks({ ...twoEnvironments, local: { "zone-a": a, "zone-b": b } });
    await fs.writeFile(copy.at("environments/local.ts"), "");
    const before = await copy.converged();

    const outcome = await copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "apply"]);

    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.all).toContain("environments/local.ts describes no zone c.");
    expect(outcome.all).toContain("Remove the folder terragrunt/local/zone-c.");
    expect(outcome.all).toContain(".state/local/local-zone-c.tfstate");
    expect(await copy.converged()).toEqual(before);
  });

  test("does not disturb another environment", async () => {
    const copy = await ProjectCopy.create({ "local-pair": twoEnvironments["local-pair"] ?? {} });

    expect(await copy.terragrunt("terragrunt/local-pair", plan)).toMatchObject({ exitCode: 0 });

    const vanished = await copy.terragrunt("terragrunt/local/zone-a", ["plan"]);
    expect(vanished.all).toContain("there is no environment local.");
  });
});
