import path from "node:path";
import { execa } from "execa";
import { Listr } from "listr2";
import { exitOnError } from "../stacks/exit-on-error.ts";
import { outputFolder } from "../stacks/folders.ts";
import { environmentFor } from "./npm-command.ts";
import { cdktf, type Changes } from "./cdktf.ts";

/**
 * `npm start [<environment>]`: from the description to a running, verified cluster on this computer.
 * Run again, it changes only what is not as described.
 */

/** A fresh cluster agrees within about 2 s; a replica that receives a full copy takes longer. */
const VERIFY_SECONDS = 60;

const name = environmentFor(
  "npm start",
  "Brings an environment up on this computer, as it is described, and verifies it. Changes only what is not so.",
);
// cdktf looks for the output where cdktf.json says, so a CDKTF_OUTDIR of the caller is not for this command.
const outdir = outputFolder({});
const program = path.join(outdir, "redis-ha.cjs");
/** @throws with everything that the command said */
async function redisHa(args: string[]): Promise<{ stdout: string; stderr: string }> {
  const options = { all: true, reject: false } as const;
  const { exitCode, all, stdout, stderr } = await execa(process.execPath, [program, ...args, "--env", name], options);
  if (exitCode !== 0) throw new Error(all);
  return { stdout, stderr };
}

interface Progress {
  changes?: Changes;
  mended?: boolean;
}

const total = ({ added, changed, destroyed }: Changes): number => added + changed + destroyed;

await exitOnError(async () => {
  // Imported here, because an environment that is not valid is reported at import.
  const { environments } = await import("../environments/index.ts");
  const { localStacks } = await import("./local-environment.ts");
  const { checkPorts } = await import("../agent/install.ts");
  const { specsOf } = await import("../topology/render.ts");
  const { synthesize } = await import("../stacks/synth.ts");
  const stacks = localStacks(environments, name);

  const tasks = new Listr<Progress>(
    [
      {
        title: "Synthesize Terraform JSON",
        task: () => synthesize({ environments, outdir }),
      },
      {
        title: "Look for other servers on the nodes' ports",
        // Before anything is stopped: a node that moves to a taken port would be missed for a mistake in the description.
        task: async () => {
          const [spec] = environments.filter((environment) => environment.name === name).flatMap(specsOf);
          if (spec) await checkPorts(spec);
        },
      },
      {
        title: `cdktf deploy ${stacks.join(" ")}`,
        task: async (progress, task) => {
          const changes = await cdktf("deploy", stacks, (line) => (task.output = line));
          progress.changes = changes;
          const { added, changed, destroyed } = changes;
          const result = `${added} added, ${changed} changed, ${destroyed} destroyed`;
          task.title += `: ${total(changes) === 0 ? "nothing to change" : result}`;
        },
      },
      {
        title: "Mend what Terraform cannot see (redis-ha converge)",
        task: async (progress, task) => {
          const { stdout, stderr } = await redisHa(["converge", "--after-apply", "--json"]);
          progress.mended = (JSON.parse(stdout) as { changed: boolean }).changed;
          const done = stderr.split("\n").filter((line) => line !== "" && !line.endsWith("nothing to change"));
          task.title += `: ${progress.mended ? done.join("; ") : "nothing to change"}`;
        },
      },
      {
        title: "Cross-check every node (redis-ha verify)",
        task: () => redisHa(["verify", "--wait", String(VERIFY_SECONDS)]),
      },
    ],
    // What failed is said once: by the plain renderer as it comes, on a terminal at the end.
    { rendererOptions: { showErrorMessage: false }, fallbackRendererCondition: !process.stdout.isTTY },
  );

  const { changes, mended } = await tasks.run({}).catch((error: Error) => {
    const what = process.stdout.isTTY ? `: ${error.message}\n\n` : ". ";
    throw new Error(`\nnpm start failed${what}Mend that, then run it again: what is done is not done twice.`);
  });
  const nothing = !mended && changes !== undefined && total(changes) === 0;
  await execa(process.execPath, [program, "status", "--env", name], { stdio: "inherit" });
  const env = name === "local" ? "" : ` --env ${name}`;
  process.stdout.write(`
${nothing ? "Nothing to change: the cluster is as described.\n" : ""}Connect:      npx redis-ha connect --exec${env}
From Node.js: npx redis-ha connect --ioredis${env}
Stop:         npm stop${name === "local" ? "" : ` ${name}`}
`);
});
