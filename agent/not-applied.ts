import fs from "node:fs";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { NodeFolder } from "./node-folder.ts";

type Target = NodeSpec["target"];

/** What a step says, after the node's name, when all was right already. */
export const NOTHING_TO_CHANGE = "nothing to change";

/** The stacks of an environment on hosts, for cdktf: no pattern that has those of another environment, whose name is longer, too. */
export const stackPatterns = (environment: string, target: Target): string =>
  [
    ...(target === "aws" ? [`${environment}-network`, `${environment}-foundation`] : []),
    `'${environment}-zone-*'`,
  ].join(" ");

/** What an operator types to apply an environment. */
export const applyCommands = (environment: string, target: Target): string =>
  target !== "local"
    ? `npx cdktf deploy ${stackPatterns(environment, target)}, or npx terragrunt run-all apply in terragrunt/${environment}`
    : `npm start${environment === "local" ? "" : ` ${environment}`}, or npx terragrunt run-all apply in terragrunt/${environment}`;

/** Why a node has no applied spec here, as half a sentence. */
export const whyNotApplied = (folder: NodeFolder): string =>
  fs.existsSync(folder.retired)
    ? "stopped on purpose (npm stop, or a destroy), its data is kept"
    : "not applied on this computer, or its folder is lost";

/** Why nothing can be done with an environment of which no node is applied here, and what to do. */
export function nothingApplied(environment: string, folders: readonly NodeFolder[], target: Target): string {
  const [stopped] = folders.filter((folder) => fs.existsSync(folder.retired));
  const [any] = folders;
  const why = any ? whyNotApplied(stopped ?? any) : "without nodes";
  return `${environment} is ${why}; to start it: ${applyCommands(environment, target)}`;
}
