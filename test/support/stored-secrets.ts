import fs from "node:fs";
import path from "node:path";
import { authorityFile, nextAuthorityFile, previousAuthorityFile } from "../../secrets/authorities.ts";
import { clientFile, clientKey } from "../../secrets/issued.ts";
import {
  type ClientLogins,
  type ClientUser,
  clientUsers,
  type Logins,
  type OperatorLogins,
} from "../../secrets/logins.ts";
import { type OwnUser, ownUsers } from "../../topology/node-secrets.ts";

/** What clients log in with. @param store a folder with one file a secret @param tls the environment does not do without */
export const storedClientLogins = (store: string, tls = true): ClientLogins => storedLogins(store, clientUsers, tls);

/** What agents log in with, without a certificate of their own. */
export const storedOperatorLogins = (store: string): OperatorLogins => storedLogins(store, ownUsers, true);

function storedLogins<U extends ClientUser | OwnUser>(store: string, users: readonly U[], tls: boolean): Logins<U> {
  const read = (...name: string[]): string => fs.readFileSync(path.join(store, ...name), "utf8");
  const authorities = [authorityFile, nextAuthorityFile, previousAuthorityFile]
    .filter((name) => fs.existsSync(path.join(store, name)))
    .map((name) => read(name));
  const shown = fs.existsSync(path.join(store, clientFile))
    ? { certificate: read(clientFile), key: read(clientKey) }
    : {};
  return {
    passwords: Object.fromEntries(users.map((user) => [user, read("users", user)])) as Record<U, string>,
    ...(tls ? { tls: { authority: authorities.join("\n"), ...shown } } : {}),
  };
}
