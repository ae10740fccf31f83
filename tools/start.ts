import { execa } from "execa";
import { Listr } from "listr2";
import path from "node:path";
import { environments } from "../environments/index.ts";
import { outputFolder } from "../stacks/folders.ts";
import { synthesize } from "../stacks/synth.ts";
import { readInventoryOf } from "./local-environment.ts";
import { cdktf, type Changes } from "./cdktf.ts";

/**
 * `npm start [-- <environment>]`: from the description to a running, verified cluster on this computer.
 * Run again, it changes only what is not as described.
 */

/** A fresh cluster agrees within about 2 s; a replica that receives a full copy takes longer. */
const VERIFY_SECONDS = 60;

const { name, stacks } = readInventoryOf(process.argv[2] ?? "local");
const redisHa = (args: string[]) =>
  execa(process.execPath, [path.join(outputFolder(), "redis-ha.cjs"), ...args, "--env", name], { all: true });

interface Progress {
  changes?: Changes;
  mended?: boolean;
}

const tasks = new Listr<Progress>(
  [
    {
      title: "Synthesize Terraform JSON",
      task: () => synthesize({ environments, outdir: outputFolder() }),
    },
    {
      title: `cdktf deploy ${stacks.join(" ")}`,
      task: async (progress, task) => {
        progress.changes = await cdktf("deploy", stacks, (line) => (task.output = line));
        const { added, changed, destroyed } = progress.changes;
        const total = added + changed + destroyed;
        task.title +=
          total === 0 ? ": nothing to change" : `: ${added} added, ${changed} changed, ${destroyed} destroyed`;
      },
    },
    {
      title: "Mend what Terraform cannot see (redis-ha converge)",
      task: async (progress, task) => {
        const { stdout } = await redisHa(["converge", "--after-apply", "--json"]);
        progress.mended = (JSON.parse(stdout) as { changed: boolean }).changed;
        task.title += progress.mended ? ": mended" : ": nothing to change";
      },
    },
    {
      title: "Cross-check every node (redis-ha verify)",
      task: () => redisHa(["verify", "--wait", String(VERIFY_SECONDS)]),
    },
  ],
  {
    rendererOptions: { collapseErrors: false, collapseSubtasks: false },
    fallbackRendererCondition: !process.stdout.isTTY,
  },
);

try {
  const { changes, mended } = await tasks.run({});
  const nothing = !mended && changes !== undefined && changes.added + changes.changed + changes.destroyed === 0;
  await execa(process.execPath, [path.join(outputFolder(), "redis-ha.cjs"), "status", "--env", name], {
    stdio: "inherit",
  });
  const env = name === "local" ? "" : ` --env ${name}`;
  process.stdout.write(`
${nothing ? "Nothing to change: the cluster is as described.\n" : ""}Connect:      npx redis-ha connect --exec${env}
From Node.js: npx redis-ha connect --ioredis${env}
Stop:         npm stop${name === "local" ? "" : ` -- ${name}`}
`);
} catch (error) {
  const { all } = error as { all?: string };
  process.stderr.write(`\nnpm start failed: ${all || (error as Error).message}\n\nIt can be run again at any time.\n`);
  process.exitCode = 1;
}
