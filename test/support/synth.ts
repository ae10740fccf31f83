import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { Environment } from "../../environments/environment.ts";
import { filesBelow } from "../../stacks/sync-folder.ts";
import { synthesize } from "../../stacks/synth.ts";

/** A stack as Terraform reads it: what is in its `cdk.tf.json`. */
export interface SynthesizedStack {
  readonly locals: { readonly nodes: Readonly<Record<string, unknown>> };
  readonly resource: Readonly<Record<string, Readonly<Record<string, SynthesizedResource>>>>;
  readonly terraform: {
    readonly required_version: string;
    readonly required_providers?: Readonly<Record<string, unknown>>;
    readonly backend: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

export interface SynthesizedResource {
  readonly for_each: string;
  /** Of a `terraform_data`. */
  readonly triggers_replace?: unknown;
  /** Of a `null_resource`. */
  readonly triggers?: unknown;
  readonly input?: Readonly<Record<string, string>>;
  readonly provisioner: readonly { readonly "local-exec": LocalExec }[];
}

export interface LocalExec {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly when?: "destroy";
}

/** A folder that is gone when the test is over, however it ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "redis-ha-test-"));
  onTestFinished(() => fs.rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Synthesizes into an output folder of the test's own and returns its path. */
export async function synthIntoTemporaryFolder(environments: readonly Environment[]): Promise<string> {
  const outdir = path.join(await temporaryFolder(), "cdktf.out");
  await synthesize({ environments, outdir });
  return outdir;
}

/** Every stack of the environments by name, as a real synth writes it. */
export async function synthStacks(environments: readonly Environment[]): Promise<Record<string, SynthesizedStack>> {
  const stacks = path.join(await synthIntoTemporaryFolder(environments), "stacks");
  const names = (await fs.readdir(stacks)).sort();
  const parsed = await Promise.all(
    names.map(async (name) => {
      const json = await fs.readFile(path.join(stacks, name, "cdk.tf.json"), "utf8");
      return [name, JSON.parse(json) as SynthesizedStack] as const;
    }),
  );
  return Object.fromEntries(parsed);
}

/** The addresses of a stack's resource blocks, sorted, for example `terraform_data.membership`. */
export const addressesOf = (stack: SynthesizedStack): string[] =>
  Object.entries(stack.resource)
    .flatMap(([type, resources]) => Object.keys(resources).map((name) => `${type}.${name}`))
    .sort();

/** A fingerprint of every file below a folder by relative path, the folders of running synths left out. */
export async function fingerprintsOf(folder: string): Promise<Record<string, string>> {
  const files = (await filesBelow(folder)).filter((file) => !file.startsWith(".synth-")).sort();
  const fingerprint = async (file: string) =>
    createHash("sha256")
      .update(await fs.readFile(path.join(folder, file)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await fingerprint(file)] as const)));
}
