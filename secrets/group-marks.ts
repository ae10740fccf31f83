import type { SecretStore } from "./store.ts";

/**
 * What the store of an environment on hosts knows of its group besides secrets, as it is the one place that every operator sees and no
 * host: whether a master has ever begun, and which nodes were retired together with their machines.
 */

/**
 * Stands there from before the first secret until the first master has begun, and again when the last node was retired and its data may go.
 * While it is there, no node can have data, and a host that does not answer may as well not have been made yet.
 */
export const newGroupName = "group.new";
const retiredFolder = "retired/";

/** Is it no secret, but one of these marks? */
export const isMark = (name: string): boolean => name === newGroupName || name.startsWith(retiredFolder);

/** To be called before anything is written into a store. One that has something may belong to a cluster that runs. */
export async function noteNewGroup(store: SecretStore): Promise<void> {
  if ((await store.list()).length > 0) return;
  await writeNewGroup(store);
}

const writeNewGroup = (store: SecretStore): Promise<boolean> =>
  store.write(newGroupName, "no node of this environment has data", { ifAbsent: true });

export const isNewGroup = async (store: SecretStore): Promise<boolean> =>
  (await store.read(newGroupName)) !== undefined;

/** A master has begun: from now on, a silent host may have data. */
export const groupHasBegun = (store: SecretStore): Promise<void> => store.remove(newGroupName);

/**
 * A node was retired, and its machine goes with it.
 * @param dataNodes the nodes of the environment that have data, when the description gives all of it away: when all of them are retired,
 *   the group is as new. Undefined: there may be volumes with data, whatever becomes of the machines
 */
export async function noteRetired(
  store: SecretStore,
  node: string,
  dataNodes: readonly string[] | undefined,
): Promise<void> {
  await store.write(`${retiredFolder}${node}`, "retired, and its machine with it");
  if (!dataNodes) return;
  const retired = await retiredNodes(store);
  if (dataNodes.every((name) => retired.includes(name))) await writeNewGroup(store);
}

/** A node has a machine again. */
export const forgetRetired = (store: SecretStore, node: string): Promise<void> =>
  store.remove(`${retiredFolder}${node}`);

export const retiredNodes = async (store: SecretStore): Promise<string[]> =>
  (await store.list()).filter((name) => name.startsWith(retiredFolder)).map((name) => name.slice(retiredFolder.length));
