import type { TerraformElement } from "cdktf";

/**
 * Gives a resource an address in the state that does not depend on where in the program it stands: with another address it would be
 * destroyed, and made anew.
 */
export function at<T extends TerraformElement>(address: string, resource: T): T {
  resource.overrideLogicalId(address);
  return resource;
}
