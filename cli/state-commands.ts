import type { Command } from "commander";
import { checkout, type CommonOptions } from "./choice.ts";
import { command, exitCodes, help } from "./command.ts";
import { chooseEnvironment, readInventory } from "./environment-choice.ts";

/** Adds `state init`, which is about AWS alone, whatever the nodes do. */
export function addState(program: Command, done: (code: number) => void): void {
  const state = program
    .command("state")
    .description("Make the S3 bucket in which Terraform keeps its state")
    .addHelpText("after", exitCodes);

  command(state, "init", "Make the bucket, or add what it lacks; what you have set otherwise stays")
    .addHelpText(
      "after",
      `
The first step of an environment with backend: { kind: "s3", ... }, with your own AWS credentials. What has changed is synthesized
first. The bucket is encrypted, keeps former versions, takes requests by TLS alone, and nothing in it can be public.
${help([
  ["npx redis-ha state init --env prod", "before the first apply; one line a property, and again at any time"],
  [
    "npx redis-ha state init --env prod --json | jq -r '.properties[] | select(.result == \"problem\") | .message'",
    "for scripts: what is left to the owner of a bucket that was there; docs/json.md has every field",
  ],
])}`,
    )
    .action(async (options: CommonOptions) => {
      const { stateInit } = await import("./state-init.ts");
      const { synthesizeIfOld } = await import("./synthesize-if-old.ts");
      const root = checkout();
      synthesizeIfOld(root);
      done(await stateInit(chooseEnvironment(readInventory(root), options.env), options.json === true));
    });
}
