import { environments } from "../environments/index.ts";
import { inventoryOf } from "../stacks/inventory.ts";

/**
 * The environment that `npm start` and `npm stop` work on.
 * @throws when there is none of this name, or when it is not on this computer
 */
export function readInventoryOf(name: string): { name: string; stacks: string[] } {
  const local = environments.filter(({ target }) => target.kind === "local").map((environment) => environment.name);
  if (!local.includes(name)) {
    throw new Error(`${name}: not an environment on this computer; there are: ${local.join(", ")}`);
  }
  return { name, stacks: [...(inventoryOf(environments).environments[name]?.stacks ?? [])] };
}
