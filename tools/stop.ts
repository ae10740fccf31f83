import fs from "node:fs";
import path from "node:path";
import { Listr } from "listr2";
import { nodeFolder, projectRoot, stateFolder } from "../agent/node-folder.ts";
import { retire } from "../agent/retire.ts";
import { environments } from "../environments/index.ts";
import { outputFolder } from "../stacks/folders.ts";
import { synthesize } from "../stacks/synth.ts";
import { cdktf } from "./cdktf.ts";
import { readInventoryOf } from "./local-environment.ts";

/**
 * `npm stop [-- <environment>]`: destroys an environment on this computer, then ends what a killed run left behind,
 * by the records of what this checkout started. The data stays.
 */

const { name, stacks } = readInventoryOf(process.argv[2] ?? "local");
const folder = path.join(stateFolder(projectRoot(import.meta.dirname)), name);

const tasks = new Listr(
  [
    {
      title: "Synthesize Terraform JSON",
      task: () => synthesize({ environments, outdir: outputFolder() }),
    },
    {
      title: `cdktf destroy ${stacks.join(" ")}`,
      task: async (_, task) => {
        const { destroyed } = await cdktf("destroy", stacks, (line) => (task.output = line));
        task.title += destroyed === 0 ? ": nothing to destroy" : `: ${destroyed} destroyed`;
      },
    },
    {
      title: "Look for what a killed run left",
      task: async (_, task) => {
        const nodes = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
        const swept: string[] = [];
        for (const node of nodes) {
          const done = await retire(nodeFolder(path.dirname(folder), name, node), false);
          if (done.length > 0) swept.push(`${node}: ${done.join(", ")}`);
        }
        task.title += swept.length > 0 ? `: ${swept.join("; ")}` : ": nothing";
      },
    },
  ],
  // What was started is ended in any case, also when Terraform cannot destroy.
  { exitOnError: false, collectErrors: "minimal", fallbackRendererCondition: !process.stdout.isTTY },
);

await tasks.run();
for (const { error } of tasks.errors) process.stderr.write(`\n${error.message}\n`);
if (tasks.errors.length > 0) process.exitCode = 1;
if (fs.existsSync(folder))
  process.stdout.write(`\nThe data and logs stay in ${folder}; remove that folder to start empty.\n`);
