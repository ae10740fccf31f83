import path from "node:path";
import { readIfThere } from "../agent/node-folder.ts";
import type { Inventory, InventoryEnvironment } from "../topology/inventory.ts";

/** The command was used wrongly: nothing was done, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export interface Chosen {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
}

/** @throws UsageError when nothing was synthesized, or by another version of this project */
export function readInventory(root: string): Inventory {
  const json = readIfThere(path.join(root, "cdktf.out", "environments.json"));
  if (json === undefined) throw new UsageError("cdktf.out/environments.json is missing; run npm run synth first");
  let inventory: Partial<Inventory> | null;
  try {
    inventory = JSON.parse(json) as Partial<Inventory> | null;
  } catch {
    inventory = null;
  }
  if (inventory?.version !== 1 || !inventory.environments) {
    throw new UsageError("cdktf.out/environments.json was written by another version; run npm run synth first");
  }
  return inventory as Inventory;
}

/**
 * The environment that is meant: the one asked for, else the only one, else `local`.
 * @throws UsageError that names the known ones
 */
export function chooseEnvironment(inventory: Inventory, asked: string | undefined): Chosen {
  const known = Object.keys(inventory.environments);
  const environment = asked ?? (known.length === 1 ? known[0] : known.find((name) => name === "local"));
  const list = known.join(", ") || "none";
  if (environment === undefined) throw new UsageError(`which environment? Add --env NAME; known are: ${list}`);
  const found = Object.hasOwn(inventory.environments, environment) ? inventory.environments[environment] : undefined;
  if (!found) {
    throw new UsageError(
      `no environment is named "${environment}"; known are: ${list}. A new one is synthesized by npm run synth`,
    );
  }
  return { environment, inventory: found };
}
