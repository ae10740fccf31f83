import { createHash } from "node:crypto";
import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { authorityFile, authorityKey } from "./authorities.ts";
import { ensured } from "./ensured.ts";
import { clientFile, ensureCertificate, nodesFolder, ofClients, ofNode } from "./issued.ts";
import { newPassword, passwordOf } from "./passwords.ts";
import { isMark } from "./group-marks.ts";
import type { SecretStore } from "./store.ts";
import { authorityCertificate, newKey } from "./x509.ts";

/** The common name of an environment's authority. */
export const authorityName = (masterName: string): string => `${masterName} CA`;
/** A number, and after a space the hash of what it stands for. */
export const revisionName = "revision";

/**
 * Makes what an environment's store lacks: passwords, an authority, a key and a certificate for each node, and one for its
 * clients where they have to show one. What is there stays, but for a certificate of ours that is not right any more. Can be killed at any point and run again; of two at once, both end with the same secrets.
 * @returns the names of what was made, never a value
 * @throws when a certificate is needed and cannot be made; secrets that were made until then stay
 */
export async function initSecrets(
  store: SecretStore,
  { masterName, nodes, clientCertificates }: Pick<InventoryEnvironment, "masterName" | "nodes" | "clientCertificates">,
): Promise<string[]> {
  const made: string[] = [];
  const note = (name: string): void => void made.push(name);
  const ensure = (name: string, make: () => string | Promise<string>) => ensured(store, name, make, note);

  for (const user of [...redisUsers, ...sentinelUsers]) await ensure(passwordOf(user), newPassword);
  // The key first and the certificate from the key that is stored: whoever is interrupted or overtaken has made a pair.
  if ((await store.read(authorityFile)) === undefined) {
    const key = await ensure(authorityKey, newKey);
    await ensure(authorityFile, () => authorityCertificate(authorityName(masterName), key));
  }
  for (const node of nodes) await ensureCertificate(store, ofNode(node), note);
  if (clientCertificates) await ensureCertificate(store, ofClients, note);
  await updateRevision(store);
  return made;
}

/**
 * Counts up when something that nodes receive is another one than at the last count. The count follows from what is
 * stored, so one that a crash prevented is made up for, and of two at once both store the same.
 * @returns the number that stands now
 */
export async function updateRevision(store: SecretStore): Promise<number> {
  const hash = createHash("sha256");
  for (const name of await store.list()) {
    if (name === revisionName || isMark(name) || isKept(name)) continue;
    hash.update(`${name}\0${(await store.read(name)) ?? ""}\0`);
  }
  const content = hash.digest("hex");
  const [number, counted] = parsed(await store.read(revisionName));
  if (counted === content) return number;
  await store.write(revisionName, `${number + 1} ${content}`);
  return number + 1;
}

/** Keys of authorities, and what clients show: no node gets them. */
const isKept = (name: string): boolean =>
  name === clientFile || (name.endsWith(".key") && !name.startsWith(nodesFolder));

/** How often what nodes receive has changed; 0 before the first secret is made. */
export const readRevision = async (store: SecretStore): Promise<number> => parsed(await store.read(revisionName))[0];

function parsed(text = "0 "): [number, string] {
  const [number = "", hash = ""] = text.trim().split(" ");
  if (!/^\d+$/.test(number))
    throw new Error(`the secret "${revisionName}" is no number; remove it, and run init again`);
  return [Number(number), hash];
}
