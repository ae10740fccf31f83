import fs from "node:fs";
import path from "node:path";
import { Listr } from "listr2";
import { OVERRIDE } from "../agent/override.ts";
import { nodeFolder, projectRoot, stateFolder } from "../agent/node-folder.ts";
import { speakWith } from "../agent/secrets.ts";
import { operatorLogins } from "../secrets/logins.ts";
import type { Inventory } from "../topology/inventory.ts";
import { retire } from "../agent/retire.ts";
import { outputFolder } from "../stacks/folders.ts";
import { allNodes, type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { environmentFor } from "./npm-command.ts";
import { cdktf } from "./cdktf.ts";

/**
 * `npm stop [<environment>]`: destroys an environment on this computer, then ends what a killed run left behind, by the
 * records of what this checkout started. The data stays.
 */

const name = environmentFor(
  "npm stop",
  "Ends everything that an environment runs on this computer. The data and the logs stay.",
);
const state = stateFolder(projectRoot(import.meta.dirname));
const folder = path.join(state, name);

/** The nodes of this environment that were ever applied here, described or not. */
const nodes = (): string[] =>
  fs.existsSync(folder)
    ? fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []))
    : [];

/** Whom to look for on the described ports, should somebody have removed the state folder of a running cluster. */
function synthesizedSpecs(): Map<string, NodeSpec> {
  const specs = path.join(outputFolder({}), "specs", name);
  const files = fs.existsSync(specs) ? fs.readdirSync(specs).map((file) => path.join(specs, file)) : [];
  const parsed = files.map((file) => parseNodeSpec(fs.readFileSync(file, "utf8"), file));
  return new Map(parsed.map((spec) => [spec.node.name, spec]));
}

/** A node whose folder is lost has lost its secrets with it; without them its servers would not say whose they are. */
async function speakFromStore(described: ReadonlyMap<string, NodeSpec>): Promise<void> {
  const [spec] = described.values();
  if (!spec) return;
  const json = fs.readFileSync(path.join(outputFolder({}), "environments.json"), "utf8");
  const inventory = (JSON.parse(json) as Inventory).environments[name];
  if (!inventory) return;
  const root = projectRoot(import.meta.dirname);
  speakWith(allNodes(spec), await operatorLogins({ environment: name, inventory }, root));
}

const tasks = new Listr(
  [
    {
      title: "cdktf destroy",
      task: async (_, task) => {
        // Imported here, because an environment that is not valid is reported at import, and must not keep what runs alive.
        const { environments } = await import("../environments/index.ts");
        const { localStacks } = await import("./local-environment.ts");
        const { synthesize } = await import("../stacks/synth.ts");
        const stacks = localStacks(environments, name);
        await synthesize({ environments, outdir: outputFolder({}) });
        // Everything ends, so nobody needs a new master, and no copy needs to stay.
        process.env[OVERRIDE] = "1";
        task.title = `cdktf destroy ${stacks.join(" ")}`;
        const { destroyed } = await cdktf("destroy", stacks, (line) => (task.output = line));
        task.title += destroyed === 0 ? ": nothing to destroy" : `: ${destroyed} destroyed`;
      },
    },
    {
      title: "Look for what a killed run left",
      task: async (_, task) => {
        const swept: string[] = [];
        const failed: string[] = [];
        const described = synthesizedSpecs();
        // Without, what has its folder is ended all the same.
        await speakFromStore(described).catch((error: Error) => (task.output = error.message));
        for (const node of new Set([...nodes(), ...described.keys()])) {
          const options = { everything: true, described: described.get(node) };
          await retire(nodeFolder(state, name, node), options).then(
            (done) => swept.push(...(done.length > 0 ? [`${node}: ${done.join(", ")}`] : [])),
            (error: Error) => failed.push(`${node}: ${error.message}`),
          );
        }
        task.title += swept.length > 0 ? `: ${swept.join("; ")}` : ": nothing";
        if (failed.length > 0) throw new Error(failed.join("\n"));
      },
    },
  ],
  // What was started is ended in any case, also when Terraform cannot destroy.
  { exitOnError: false, collectErrors: "minimal", fallbackRendererCondition: !process.stdout.isTTY },
);

await tasks.run();
for (const { error } of tasks.errors) process.stderr.write(`\n${error.message}\n`);
if (tasks.errors.length > 0) process.exitCode = 1;
if (nodes().length > 0) {
  process.stdout.write(`\nThe data and logs stay in ${folder}; remove that folder to start empty.\n`);
}
