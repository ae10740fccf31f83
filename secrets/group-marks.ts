import type { SecretStore } from "./store.ts";

/**
 * What the store of an environment on hosts knows of its group besides secrets, as it is the one place that every operator sees and no
 * host: whether a master has ever begun, and, of machines that are made for their nodes, which nodes were retired together with them
 * and which have a volume, and so may have data.
 */

/**
 * Stands there from before the first secret until the first master has begun, and again when the last data is gone.
 * While it is there, no node can have data, and a host that does not answer may as well not have been made yet.
 */
export const newGroupName = "group.new";
const retiredFolder = "retired/";
/** From before a node's data volume is made until after it is deleted. */
const dataFolder = "data/";

/** Is it no secret, but one of these marks? */
export const isMark = (name: string): boolean =>
  name === newGroupName || name.startsWith(retiredFolder) || name.startsWith(dataFolder);

/**
 * To be called before any secret is written into a store. One that has something may belong to a cluster that runs; volumes of a new one
 * are noted before.
 */
export async function noteNewGroup(store: SecretStore): Promise<void> {
  if ((await store.list()).every((name) => name.startsWith(dataFolder))) await writeNewGroup(store);
}

const writeNewGroup = (store: SecretStore): Promise<boolean> =>
  store.write(newGroupName, "no node of this environment has data", { ifAbsent: true });

export const isNewGroup = async (store: SecretStore): Promise<boolean> =>
  (await store.read(newGroupName)) !== undefined;

/** A master has begun: from now on, a silent host may have data. */
export const groupHasBegun = (store: SecretStore): Promise<void> => store.remove(newGroupName);

/** A node was retired, and its machine goes with it. */
export async function noteRetired(store: SecretStore, node: string): Promise<void> {
  await store.write(`${retiredFolder}${node}`, "retired, and its machine with it");
}

/** A node has a machine again. */
export const forgetRetired = (store: SecretStore, node: string): Promise<void> =>
  store.remove(`${retiredFolder}${node}`);

export const retiredNodes = async (store: SecretStore): Promise<string[]> => namesIn(store, retiredFolder);

/** A node is about to have a volume for data. */
export async function expectData(store: SecretStore, node: string): Promise<void> {
  await store.write(`${dataFolder}${node}`, "has a volume for data");
}

/**
 * A node's volume is gone. With that of the last one, the group is as new.
 * @returns the nodes that may have data still
 */
export async function forgetData(store: SecretStore, node: string): Promise<string[]> {
  await store.remove(`${dataFolder}${node}`);
  // A list may be older than what was removed just now.
  const others = (await namesIn(store, dataFolder)).filter((name) => name !== node);
  if (others.length === 0) await writeNewGroup(store);
  return others;
}

const namesIn = async (store: SecretStore, folder: string): Promise<string[]> =>
  (await store.list()).filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
