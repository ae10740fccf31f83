import type { Described } from "../remote/request.ts";
import { readyStore } from "./open-store.ts";
import type { SecretStore } from "./store.ts";
import { passwordOf } from "./passwords.ts";

/** The users as whom the clients of an environment log in: `sentinel-client` at its Sentinels, the others at its servers. */
export const clientUsers = ["app", "reader", "sentinel-client"] as const;
export type ClientPasswords = Readonly<Record<(typeof clientUsers)[number], string>>;

/**
 * From the store.
 * @param root the checkout
 * @throws when one is missing
 */
export async function clientPasswords(described: Described, root: string): Promise<ClientPasswords> {
  return storedPasswords(described, root, clientUsers);
}

/** The passwords of these users. @throws when one is missing */
export async function storedPasswords<U extends Parameters<typeof passwordOf>[0]>(
  described: Described,
  root: string,
  users: readonly U[],
): Promise<Record<U, string>> {
  return readPasswords(await readyStore(described, root), described.environment, users);
}

/** The same of a store that is open. */
export async function readPasswords<U extends Parameters<typeof passwordOf>[0]>(
  store: SecretStore,
  environment: string,
  users: readonly U[],
): Promise<Record<U, string>> {
  const read = users.map(async (user): Promise<[U, string]> => {
    const password = await store.read(passwordOf(user));
    if (password !== undefined) return [user, password];
    throw new Error(
      `${store.describe()} has no ${passwordOf(user)}. If another computer applied ${environment}, its secrets are ` +
        `there (docs/security.md); if nobody has: npx redis-ha secrets init --env ${environment}`,
    );
  });
  return Object.fromEntries(await Promise.all(read)) as Record<U, string>;
}
