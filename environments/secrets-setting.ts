import type { Environment } from "./environment.ts";

/** Where the environment keeps its secrets: as it says, else with its machines on `aws`, or else with the user. */
export function secretsSetting({ secrets, target }: Environment): NonNullable<Environment["secrets"]> {
  return secrets ?? (target.kind === "aws" ? { kind: "ssm", region: target.region } : { kind: "file" });
}
