import fs from "node:fs/promises";
import path from "node:path";
import type { Environment } from "../environments/environment.ts";
import { buildBundle } from "../tools/bundle.ts";
import { specsOf } from "../topology/render.ts";
import { outputFolder, projectTerragruntFolder } from "./folders.ts";
import { filesBelow, moveChangedFiles, prune } from "./sync-folder.ts";
import { writeMissingUnits } from "./terragrunt-units.ts";

const runPrefix = ".synth-";
const stackFile = "cdk.tf.json";

export interface SynthesisOptions {
  readonly environments: readonly Environment[];
  /** Absolute path of the output folder; see `outputFolder` for the project's own. */
  readonly outdir: string;
  /**
   * A time before the first source was read: what is edited later is newer than the output.
   * @default - when this process started
   */
  readonly readAt?: Date;
  /**
   * Folder of Terragrunt's root.hcl: a stack that has no unit there gets one.
   * @default - the project's own for the project's own output folder; for any other folder no units are written
   */
  readonly terragruntFolder?: string;
}

/**
 * Writes all environments to the output folder:
 *
 * - `stacks/<stack>/`: Terraform JSON and the program that its provisioners run; `manifest.json` for cdktf
 * - `environments.json`: the inventory; `specs/<environment>/<node>.json`: each node's spec
 * - `redis-ha.cjs`: the operator's command
 * - `.stamp`: written last, and with the time at which the sources were read
 *
 * Everything is written beside the output first, and moved in when all of it is there: a synth that fails changes
 * nothing, and two at once end with whole files. Unchanged files keep their time, stacks that vanished are removed, and
 * the bytes depend on the environments and sources only, never on where the project lies.
 *
 * @throws when the program does not compile
 */
export async function synthesize(options: SynthesisOptions): Promise<void> {
  const { environments, outdir, readAt = new Date(performance.timeOrigin) } = options;
  const { terragruntFolder = outdir === outputFolder({}) ? projectTerragruntFolder : undefined } = options;
  await fs.mkdir(outdir, { recursive: true });
  await removeAbandonedRuns(outdir);
  const run = await fs.mkdtemp(path.join(outdir, runPrefix));
  try {
    await writeAll(environments, run);
    const written = new Set(await filesBelow(run));
    await moveChangedFiles(run, outdir);
    await pruneVanished(outdir, written);
    if (terragruntFolder !== undefined) await writeMissingUnits(outdir, terragruntFolder);
    await stamp(path.join(outdir, ".stamp"), readAt);
  } finally {
    await fs.rm(run, { recursive: true, force: true });
  }
}

async function writeAll(environments: readonly Environment[], folder: string): Promise<void> {
  const program = path.join(folder, "redis-ha.cjs");
  // esbuild works in a process of its own, while cdktf and AWS's bindings are loaded, which takes as long.
  const [{ App }, { addEnvironment }, { inventoryOf }] = await Promise.all([
    import("cdktf"),
    import("./environment-stacks.ts"),
    import("./inventory.ts"),
    buildBundle(program),
  ]);

  const app = new App({ outdir: folder, stackTraces: false, hclOutput: false });
  for (const environment of environments) addEnvironment(app, environment, program);
  app.synth();

  await writeJson(path.join(folder, "environments.json"), inventoryOf(environments));
  for (const spec of environments.flatMap(specsOf)) {
    await writeJson(path.join(folder, "specs", spec.environment, `${spec.node.name}.json`), spec);
  }
}

/**
 * Removes what an earlier synth wrote and this one did not. Inside the folder of a living stack, what Terraform left
 * there stays; a state that Terraform could not deliver (errored.tfstate) stays everywhere.
 */
async function pruneVanished(outdir: string, written: ReadonlySet<string>): Promise<void> {
  const { stacksFolder } = (await import("cdktf")).Manifest;
  const wrote = (stack: string, file: string) => written.has(`${stacksFolder}/${stack}/${file}`);
  const isState = (file: string) => file.includes(".tfstate");

  for (const stack of await fs.readdir(path.join(outdir, stacksFolder)).catch(() => [])) {
    const folder = path.join(outdir, stacksFolder, stack);
    const files = await filesBelow(folder);
    const vanished = files.includes(stackFile) && !wrote(stack, stackFile);
    if (vanished && !files.some(isState)) await fs.rm(folder, { recursive: true, force: true });
    else await prune(folder, (file) => wrote(stack, file) || isState(file) || file === "plan");
  }
  await prune(path.join(outdir, "specs"), (file) => written.has(`specs/${file}`));
}

/** A synth takes about a second: a folder this old belongs to one that was killed. */
async function removeAbandonedRuns(outdir: string): Promise<void> {
  const tenMinutesAgo = Date.now() - 600_000;
  for (const name of await fs.readdir(outdir)) {
    if (!name.startsWith(runPrefix)) continue;
    const folder = path.join(outdir, name);
    const stat = await fs.stat(folder).catch(() => undefined);
    if (stat && stat.mtimeMs < tenMinutesAgo) await fs.rm(folder, { recursive: true, force: true });
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

async function stamp(file: string, time: Date): Promise<void> {
  await fs.writeFile(file, "");
  await fs.utimes(file, time, time);
}
