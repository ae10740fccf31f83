import fs from "node:fs/promises";
import path from "node:path";
import { moveChangedFiles } from "../../stacks/sync-folder.ts";

/** Part of a stack's document, beside the backend that every stack has. */
export interface FixtureStack {
  readonly after?: readonly string[];
  readonly backend?: unknown;
  readonly document?: Readonly<Record<string, unknown>>;
}

/** Stacks by environment, then by the name of their unit. */
export type FixtureStacks = Readonly<Record<string, Readonly<Record<string, FixtureStack>>>>;

/** The main.ts of a copy: synthesizes what environments/stacks.json describes, and counts. */
export async function main(root: string): Promise<void> {
  await fs.appendFile(path.join(root, "synthesized.log"), "x");
  const described = JSON.parse(await fs.readFile(path.join(root, "environments/stacks.json"), "utf8")) as
    FixtureStacks | { readonly error: string };
  if (typeof described["error"] === "string") {
    console.error(described["error"]);
    process.exit(1);
  }
  await writeOutput(root, described as FixtureStacks, new Date(performance.timeOrigin));
}

/** Writes what the real synth writes, with stacks that start nothing; it may run several times at once as that may. */
export async function writeOutput(root: string, environments: FixtureStacks, readAt = new Date()): Promise<void> {
  const out = path.join(root, "cdktf.out");
  await fs.mkdir(out, { recursive: true });
  const run = await fs.mkdtemp(path.join(out, ".synth-"));
  const write = async (file: string, content: unknown) => {
    await fs.mkdir(path.dirname(path.join(run, file)), { recursive: true });
    await fs.writeFile(path.join(run, file), typeof content === "string" ? content : JSON.stringify(content));
  };

  const graph: Record<string, unknown> = {};
  for (const [environment, units] of Object.entries(environments)) {
    for (const [unit, { after = [], backend, document }] of Object.entries(units)) {
      const name = `${environment}-${unit}`;
      const synthesizedStackPath = `stacks/${name}/cdk.tf.json`;
      const local = { path: `../../../.state/${environment}/${name}.tfstate` };
      await write(synthesizedStackPath, { terraform: { backend: backend ?? { local } }, ...document });
      graph[name] = { name, synthesizedStackPath, dependencies: after.map((other) => `${environment}-${other}`) };
    }
  }
  await write("manifest.json", { stacks: graph });
  const log = JSON.stringify(path.join(root, "converged.log"));
  await write("redis-ha.cjs", `require("fs").appendFileSync(${log}, process.argv.slice(2).join(" ") + "\\n");\n`);

  await moveChangedFiles(run, out);
  await fs.rm(run, { recursive: true });
  for (const folder of await fs.readdir(path.join(out, "stacks"))) {
    if (!(folder in graph)) await fs.rm(path.join(out, "stacks", folder), { recursive: true, force: true });
  }
  await fs.writeFile(path.join(out, ".stamp"), "");
  await fs.utimes(path.join(out, ".stamp"), readAt, readAt);
}
