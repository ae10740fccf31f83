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

/**
 * What must be nowhere but in the store and on the nodes: each password, and of each private key a line.
 * @param store a folder with one file a secret
 */
export function secretValues(store: string): string[] {
  return fs.readdirSync(store, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    const file = path.join(store, name);
    if (!fs.statSync(file).isFile()) return [];
    const text = fs.readFileSync(file, "utf8").trim();
    if (name.startsWith("users/")) return [text];
    return name.endsWith(".key") ? [text.split("\n")[1] ?? ""] : [];
  });
}

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

/** The files below a folder that have one of these texts in them. */
export function filesWith(folder: string, texts: readonly string[]): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(folder, name))
    .filter((file) => fs.lstatSync(file).isFile())
    .filter((file) => {
      const content = contentOf(file);
      return texts.some((text) => content.includes(text));
    });
}

function contentOf(file: string): string {
  try {
    return fs.readFileSync(file, "latin1");
  } catch (error) {
    // Below /run there are files that only the kernel has, and files that are gone by now.
    if (["EINVAL", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
