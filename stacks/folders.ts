import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const projectRoot = fileURLToPath(new URL("..", import.meta.url));

/** The folder of Terragrunt's root.hcl. */
export const projectTerragruntFolder = path.join(projectRoot, "terragrunt");

/**
 * Where a synth writes: what cdktf asks for (CDKTF_OUTDIR), else `output` of cdktf.json. Relative to the project,
 * so that cdktf and a plain run of main.ts mean the same folder whatever directory they are started from.
 */
export function outputFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configuration = JSON.parse(fs.readFileSync(path.join(projectRoot, "cdktf.json"), "utf8")) as { output: string };
  return path.resolve(projectRoot, environment["CDKTF_OUTDIR"] ?? configuration.output);
}
