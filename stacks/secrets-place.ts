import type { Environment } from "../environments/environment.ts";
import { secretsSetting } from "../environments/secrets-setting.ts";
import type { SecretsPlace } from "../topology/inventory.ts";

/** The environment's setting, with what follows from its names. */
export function secretsPlaceOf(environment: Environment): SecretsPlace {
  const setting = secretsSetting(environment);
  return setting.kind === "file" ? setting : { ...setting, path: `/${environment.project}/${environment.name}` };
}
