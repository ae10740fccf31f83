import { spawn } from "node:child_process";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { findTerraform } from "../../tools/setup/binaries.mjs";
import { dummyAws, nothingElse } from "../support/aws-credentials.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { quietTerraform } from "../support/terraform.ts";
import type { FixtureStacks } from "./fixture-output.ts";
import { describeWithTerragrunt, input, type Outcome, ProjectCopy } from "./project-copy.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: state in S3, by Terraform and Terragrunt: ${none}\n`);

const terraform = (await findTerraform()).path;
const Bucket = "states";
const zones = ["zone-a", "zone-b", "zone-c"];

const backendOf = (zone: string) => ({
  s3: {
    bucket: Bucket,
    key: `redis-ha/local/local-${zone}.tfstate`,
    region: "eu-central-1",
    encrypt: true,
    use_lockfile: true,
  },
});
const inFiles: FixtureStacks = { local: Object.fromEntries(zones.map((zone) => [zone, input(zone)])) };
const inS3: FixtureStacks = {
  local: Object.fromEntries(zones.map((zone) => [zone, { ...input(zone), backend: backendOf(zone) }])),
};

describe.skipIf(none !== undefined)("with a bucket", () => {
  describeWithTerragrunt("state in S3, locked there", () => {
    let moto: Moto;
    let s3: S3;
    let env: NodeJS.ProcessEnv;
    beforeAll(async () => {
      moto = await startMoto();
      env = { ...Object.fromEntries(nothingElse.map((name) => [name, undefined])), ...dummyAws(moto.url) };
      const credentials = { accessKeyId: "test", secretAccessKey: "test" };
      s3 = new S3({ region: "eu-central-1", endpoint: moto.url, credentials });
    }, 300_000);
    afterAll(() => moto?.stop());
    beforeEach(async () => {
      await moto.reset();
      await s3.createBucket({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } });
      await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
    });

    /** Terraform in the folder of a stack, as cdktf runs it. */
    const inFolder = (copy: ProjectCopy, zone: string, ...args: string[]): Promise<Outcome> =>
      copy.run(terraform, `cdktf.out/stacks/local-${zone}`, args, { ...env, NO_COLOR: "1" });
    const inUnits = (copy: ProjectCopy, ...args: string[]): Promise<Outcome> =>
      copy.terragrunt("terragrunt/local", ["run", "--all", "--non-interactive", "--", ...args], env);
    const keys = async (): Promise<string[]> =>
      ((await s3.listObjectsV2({ Bucket })).Contents ?? []).map(({ Key = "" }) => Key);
    const states = zones.map((zone) => backendOf(zone).s3.key);

    test("is one for Terragrunt and for Terraform, encrypted, and not beside the output", async () => {
      const copy = await ProjectCopy.create(inS3);

      expect(await inUnits(copy, "apply")).toMatchObject({ exitCode: 0 });
      expect(await keys()).toEqual(states);
      for (const zone of zones) {
        expect(await inFolder(copy, zone, "init", "-input=false")).toMatchObject({ exitCode: 0 });
        expect(await inFolder(copy, zone, "apply", "-auto-approve")).toMatchObject({
          exitCode: 0,
          all: expect.stringContaining("No changes.") as string,
        });
      }

      expect(await inUnits(copy, "plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
      const { ServerSideEncryption } = await s3.headObject({ Bucket, Key: states[0] });
      expect(ServerSideEncryption).toBe("AES256");
      expect(await copy.states()).toEqual([]);
    });

    test("is moved there from files as docs/operations.md says, for both", async () => {
      const copy = await ProjectCopy.create(inFiles);
      // Applied by Terragrunt alone: Terraform has not been in the folders of the stacks.
      expect(await inUnits(copy, "apply")).toMatchObject({ exitCode: 0 });
      for (const zone of zones) expect(await inFolder(copy, zone, "init")).toMatchObject({ exitCode: 0 });

      await copy.describeStacks(inS3);
      const early = await inUnits(copy, "plan");
      expect(early.exitCode).not.toBe(0);
      expect(early.all).toContain("Backend configuration changed");
      for (const zone of zones)
        expect(await inFolder(copy, zone, "init", "-migrate-state", "-force-copy")).toMatchObject({ exitCode: 0 });
      expect(await inUnits(copy, "init", "-reconfigure")).toMatchObject({ exitCode: 0 });

      expect(await keys()).toEqual(states);
      expect(await inUnits(copy, "plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
      for (const zone of zones)
        expect(await inFolder(copy, zone, "plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
    });

    test("stays locked by an apply that was killed, until it is unlocked by hand", async () => {
      const copy = await ProjectCopy.create(inS3);
      expect(await inFolder(copy, "zone-a", "init")).toMatchObject({ exitCode: 0 });
      const cwd = copy.at("cdktf.out/stacks/local-zone-a");
      // It has the lock while it waits for its answer.
      const stdio: ["pipe", "ignore", "ignore"] = ["pipe", "ignore", "ignore"];
      const killed = spawn(terraform, ["apply"], { cwd, env: { ...process.env, ...quietTerraform, ...env }, stdio });
      const ended = new Promise((resolve) => killed.once("exit", resolve));
      const lock = `${states[0]}.tflock`;
      await waitFor("it is locked", async () => (await keys()).includes(lock) || undefined, 30_000, 100);
      killed.kill("SIGKILL");
      await ended;

      const plan = await inUnits(copy, "plan");
      expect(plan.exitCode).not.toBe(0);
      expect(plan.all).toContain("Error acquiring the state lock");
      const id = / ID: +([0-9a-f-]{36})/.exec(plan.all)?.[1] ?? "";
      expect(await inFolder(copy, "zone-a", "force-unlock", "-force", id)).toMatchObject({ exitCode: 0 });

      expect(await keys()).not.toContain(lock);
      expect(await inUnits(copy, "plan")).toMatchObject({ exitCode: 0 });
    });

    test("without its bucket says which is missing", async () => {
      await s3.deleteBucket({ Bucket });
      const copy = await ProjectCopy.create(inS3);
      const words = `S3 bucket "${Bucket}" does not exist`;
      expect((await inFolder(copy, "zone-a", "init")).all).toContain(words);
      expect((await inUnits(copy, "plan")).all).toContain(words);
    });
  });
});
