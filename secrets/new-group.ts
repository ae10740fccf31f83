import type { SecretStore } from "./store.ts";

/**
 * Stands in the store of an environment on hosts from before its first secret until its first master has begun. While it is there,
 * no node can have had data, and a host that does not answer may as well not have been made yet.
 */
export const newGroupName = "group.new";

/** To be called before anything is written into a store. One that has something may belong to a cluster that runs. */
export async function noteNewGroup(store: SecretStore): Promise<void> {
  if ((await store.list()).length > 0) return;
  await store.write(newGroupName, "no master of this environment has begun yet", { ifAbsent: true });
}

export const isNewGroup = async (store: SecretStore): Promise<boolean> =>
  (await store.read(newGroupName)) !== undefined;

/** A master has begun: from now on, a silent host may have data. */
export const groupHasBegun = (store: SecretStore): Promise<void> => store.remove(newGroupName);
