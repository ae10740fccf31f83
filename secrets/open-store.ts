import os from "node:os";
import path from "node:path";
import { checkoutName } from "../agent/node-folder.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { FileStore } from "./file-store.ts";
import { initSecrets } from "./init.ts";
import type { SecretStore } from "./store.ts";

interface Described {
  readonly environment: string;
  readonly inventory: Pick<InventoryEnvironment, "target" | "masterName" | "nodes" | "secrets" | "clientCertificates">;
}

/**
 * The store of an environment, as its description says. Nothing is looked at or made yet.
 * @param root the checkout
 */
export async function openStore(described: Described, root: string): Promise<SecretStore> {
  const { secrets } = described.inventory;
  if (secrets.kind === "file") return new FileStore(storeFolder(described, root));
  const { openSsmStore } = await import("./ssm-store.ts");
  return openSsmStore(secrets);
}

/**
 * The same for whoever needs what is in it: on the target `local`, what is missing is made, so that nobody has to begin
 * with a command for secrets there.
 */
export async function readyStore(described: Described, root: string): Promise<SecretStore> {
  const store = await openStore(described, root);
  if (described.inventory.target === "local") await initSecrets(store, described.inventory);
  return store;
}

/**
 * `$XDG_DATA_HOME/cdktf-redis-ha/secrets/` and `<checkout>/<environment>` or `hosts/<master name>`.
 *
 * The nodes of a local environment belong to one checkout, as their folders do; a second clone runs a cluster of its own
 * and must not change the passwords of the first one's. Hosts are the same from each clone, which then has to know the same
 * secrets; there the project's prefix in the master name tells apart what has the same environment name. (A checkout's
 * name ends with a hash, so none is called `hosts`.)
 */
export function storeFolder(
  { environment, inventory }: Described,
  root: string,
  given = process.env["XDG_DATA_HOME"] ?? "",
): string {
  // The XDG rules: a relative path counts as none.
  const base = path.isAbsolute(given) ? given : path.join(os.homedir(), ".local", "share");
  const own = inventory.target === "local" ? [checkoutName(root), environment] : ["hosts", inventory.masterName];
  return path.join(base, "cdktf-redis-ha", "secrets", ...own);
}
