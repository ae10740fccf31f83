import type { Described } from "../remote/request.ts";
import { type OwnUser, ownUsers } from "../topology/node-secrets.ts";
import { authorityFile, trustedAuthorities } from "./authorities.ts";
import { clientFile, clientKey } from "./issued.ts";
import { readyStore } from "./open-store.ts";
import { passwordOf, type User } from "./passwords.ts";
import type { SecretStore } from "./store.ts";

/** The users as whom the clients of an environment log in: `sentinel-client` at its Sentinels, the others at its servers. */
export const clientUsers = ["app", "reader", "sentinel-client"] as const;
export type ClientUser = (typeof clientUsers)[number];

/** All in PEM. */
export interface ClientTls {
  /** Certificates of whoever signs those of the nodes. */
  readonly authority: string;
  /** What clients show of themselves; absent where they need not. */
  readonly certificate?: string;
  readonly key?: string;
}

/** What some users log in with, and whom they believe. */
export interface Logins<U extends User> {
  readonly passwords: Readonly<Record<U, string>>;
  /** Absent where the environment does without TLS. */
  readonly tls?: ClientTls;
}
export type ClientLogins = Logins<ClientUser>;
export type OperatorLogins = Logins<OwnUser>;

/**
 * From the store of an environment.
 * @param root the checkout
 * @throws when something is missing
 */
export const clientLogins = async (described: Described, root: string): Promise<ClientLogins> =>
  loginsIn(await readyStore(described, root), described, clientUsers);

/** The same for whoever speaks to the servers as their agents do. */
export const operatorLogins = async (described: Described, root: string): Promise<OperatorLogins> =>
  loginsIn(await readyStore(described, root), described, ownUsers);

/** Of these users, from a store that is open. */
export async function loginsIn<U extends User>(
  store: SecretStore,
  { environment, inventory }: Described,
  users: readonly U[],
): Promise<Logins<U>> {
  const known = (name: string, value: string | undefined): string => {
    if (value !== undefined) return value;
    throw new Error(
      `${store.describe()} has no ${name}. If another computer applied ${environment}, its secrets are ` +
        `there (docs/security.md); if nobody has: npx redis-ha secrets init --env ${environment}`,
    );
  };
  const read = async (name: string): Promise<string> => known(name, await store.read(name));
  const all = users.map(async (user): Promise<[U, string]> => [user, await read(passwordOf(user))]);
  const passwords = Object.fromEntries(await Promise.all(all)) as Record<U, string>;
  if (!inventory.tls) return { passwords };
  const authority = known(authorityFile, await trustedAuthorities(store));
  if (!inventory.clientCertificates) return { passwords, tls: { authority } };
  return { passwords, tls: { authority, certificate: await read(clientFile), key: await read(clientKey) } };
}
