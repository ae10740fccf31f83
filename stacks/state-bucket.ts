import type { Environment } from "../environments/environment.ts";
import type { StateBucketPlace } from "../topology/inventory.ts";
import { tagsOf } from "./tags.ts";

/** What the keys of an environment's states begin with. */
export const stateKeysOf = ({ project, name }: Environment): string => `${project}/${name}/`;

/** The bucket in which an environment's states are; undefined where they are local files. */
export function stateBucketOf(environment: Environment): StateBucketPlace | undefined {
  const { backend, target } = environment;
  if (backend.kind !== "s3") return undefined;
  return {
    bucket: backend.bucket,
    region: backend.region,
    keys: stateKeysOf(environment),
    // Elsewhere, the description does not say which account is meant.
    ...(target.kind === "aws" ? { accountId: target.accountId } : {}),
    tags: tagsOf(environment),
  };
}
