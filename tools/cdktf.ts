import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { repositoryRoot } from "./setup/places.mjs";
import { toolEnvironment } from "./setup/binaries.mjs";

export interface Changes {
  readonly added: number;
  readonly changed: number;
  readonly destroyed: number;
}

/**
 * Runs `cdktf deploy` or `cdktf destroy` for stacks that are synthesized already.
 * @param onLine called with each step of a node, for progress; plans and cdktf's own redrawing are left out
 * @throws with the end of the output when a stack fails
 */
export async function cdktf(
  action: "deploy" | "destroy",
  stacks: readonly string[],
  onLine: (line: string) => void,
): Promise<Changes> {
  const args = [action, ...stacks, "--skip-synth", "--skip-provider-lock", "--auto-approve", "--no-color"];
  const child = execa("node_modules/.bin/cdktf", args, {
    cwd: repositoryRoot,
    env: { ...(await toolEnvironment()), FORCE_COLOR: "0" },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
  });
  for await (const line of child.iterable({ from: "all" })) {
    const step = stepIn(stripVTControlCharacters(line));
    if (step) onLine(step);
  }
  const { exitCode, all } = await child;
  const output = stripVTControlCharacters(all ?? "");
  if (exitCode !== 0) throw new Error(`cdktf ${action} failed:\n${causeIn(output)}`);
  return changesIn(output);
}

/** What a provisioner says of its node: `... (local-exec): redis-a: sentinel restarted`. */
export function stepIn(line: string): string | undefined {
  const said = / \(local-exec\): (?!Executing: )(.+)$/.exec(line)?.[1];
  return said?.trim();
}

/** What a node's provisioner said of its failure, once; the end of the output where none did. */
export function causeIn(output: string): string {
  const said = output.split("\n").flatMap((line) => / \(local-exec\): (redis-ha host \w+: .+)$/.exec(line)?.[1] ?? []);
  return said.length > 0 ? [...new Set(said)].join("\n") : output.trimEnd().split("\n").slice(-40).join("\n");
}

/** The sum over all stacks of what Terraform says it did. */
export function changesIn(output: string): Changes {
  const sum = (what: string): number =>
    [...output.matchAll(new RegExp(`Resources: .*?(\\d+) ${what}`, "g"))].reduce(
      (all, match) => all + Number(match[1]),
      0,
    );
  return { added: sum("added"), changed: sum("changed"), destroyed: sum("destroyed") };
}
