import { stackPatterns } from "../agent/not-applied.ts";
import type { Environment } from "../environments/environment.ts";
import { inventoryOf } from "../stacks/inventory.ts";

/**
 * The stacks of the environment that `npm start` and `npm stop` work on, in the order in which they are applied.
 * @throws when there is none of this name, or when it is not on this computer
 */
export function localStacks(environments: readonly Environment[], name: string): string[] {
  const local = environments.filter(({ target }) => target.kind === "local");
  const inventory = inventoryOf(local).environments[name];
  if (inventory) return [...inventory.stacks];
  const other = environments.find((environment) => environment.name === name)?.target.kind;
  if (other !== undefined) {
    const stacks = stackPatterns(name, other);
    throw new Error(
      `${name}: its nodes are on hosts of their own: npx cdktf deploy ${stacks} applies it, npx cdktf destroy ${stacks} ` +
        `ends it (docs/${other === "aws" ? "aws" : "hosts"}.md)`,
    );
  }
  const names = local.map((environment) => environment.name).join(", ");
  throw new Error(`${name}: not an environment on this computer; there are: ${names}`);
}
