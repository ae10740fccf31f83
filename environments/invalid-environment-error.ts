import type { Problem } from "./rules/rule.ts";

/** The file in which the environment of this name is described. */
export const environmentFile = (name: string): string => `environments/${name}.ts`;

/** Some environments cannot be used. The message has one line a problem, with the field and what to change. */
export class InvalidEnvironmentError extends Error {
  override readonly name = "InvalidEnvironmentError";

  /** @param problems all problems of all environments; each path begins with the file, `environments/prod.ts: settings.quorum` */
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  }
}
