import type { Environment } from "../environments/environment.ts";

/** Whose everything is that is made for an environment on AWS. */
export const tagsOf = ({ project, name }: Environment) => ({
  Project: project,
  Environment: name,
  ManagedBy: "cdktf-redis-ha",
});
