import { createHash } from "node:crypto";
import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { authorityProblems, certificateIn, missingNames, namesOf, type NodeNames, signedBy } from "./certificates.ts";
import { newPassword, passwordOf } from "./passwords.ts";
import type { SecretStore } from "./store.ts";
import { authorityCertificate, clientCertificate, newKey, nodeCertificate } from "./x509.ts";

export const authorityKey = "tls/ca.key";
export const authorityFile = "tls/ca.crt";
export const keyOf = (node: string): string => `tls/nodes/${node}.key`;
export const certificateOf = (node: string): string => `tls/nodes/${node}.crt`;
/** What the environment's clients show, where they have to; no node receives it. */
export const clientKey = "tls/client.key";
export const clientFile = "tls/client.crt";
/** A number, and after a space the hash of what it stands for. */
export const revisionName = "revision";

/**
 * Makes what an environment's store lacks: passwords, an authority, a key and a certificate for each node, and one for its
 * clients where they have to show one. What is there stays, but for a node's certificate that does not name the node as it
 * is now. Can be killed at any point and run again; of two at once, both end with the same secrets.
 * @returns the names of what was made, never a value
 * @throws when a certificate is needed and cannot be made; secrets that were made until then stay
 */
export async function initSecrets(
  store: SecretStore,
  { masterName, nodes, clientCertificates }: Pick<InventoryEnvironment, "masterName" | "nodes" | "clientCertificates">,
): Promise<string[]> {
  const made: string[] = [];
  const ensure = (name: string, make: () => string | Promise<string>) => ensured(store, made, name, make);

  for (const user of [...redisUsers, ...sentinelUsers]) await ensure(passwordOf(user), newPassword);
  // The key first and the certificate from the key that is stored: whoever is interrupted or overtaken has made a pair.
  if ((await store.read(authorityFile)) === undefined) {
    const key = await ensure(authorityKey, newKey);
    await ensure(authorityFile, () => authorityCertificate(`${masterName} CA`, key));
  }
  for (const node of nodes) {
    const names = namesOf(node);
    await ensureCertificate(store, made, {
      keyName: keyOf(node.name),
      name: certificateOf(node.name),
      whose: node.name,
      names,
      issue: (authority, key) => nodeCertificate(authority, names, key),
    });
  }
  if (clientCertificates)
    await ensureCertificate(store, made, {
      keyName: clientKey,
      name: clientFile,
      whose: "its clients",
      names: { dns: [], addresses: [] },
      issue: clientCertificate,
    });
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
    if ([revisionName, authorityKey, clientKey, clientFile].includes(name)) continue;
    hash.update(`${name}\0${(await store.read(name)) ?? ""}\0`);
  }
  const content = hash.digest("hex");
  const [number, counted] = parsed(await store.read(revisionName));
  if (counted === content) return number;
  await store.write(revisionName, `${number + 1} ${content}`);
  return number + 1;
}

/** How often what nodes receive has changed; 0 before the first secret is made. */
export const readRevision = async (store: SecretStore): Promise<number> => parsed(await store.read(revisionName))[0];

function parsed(text = "0 "): [number, string] {
  const [number = "", hash = ""] = text.trim().split(" ");
  if (!/^\d+$/.test(number))
    throw new Error(`the secret "${revisionName}" is no number; remove it, and run init again`);
  return [Number(number), hash];
}

/** The stored value, which is made if there is none. */
async function ensured(
  store: SecretStore,
  made: string[],
  name: string,
  make: () => string | Promise<string>,
): Promise<string> {
  const there = await store.read(name);
  if (there !== undefined) return there;
  const value = await make();
  if (await store.write(name, value, { ifAbsent: true })) {
    made.push(name);
    return value;
  }
  const first = await store.read(name);
  if (first === undefined)
    throw new Error(`${store.describe()}: ${name} was removed while it was made; run init again`);
  return first;
}

/** A certificate and its key. */
interface Wanted {
  readonly keyName: string;
  readonly name: string;
  readonly whose: string;
  /** What it has to name. */
  readonly names: NodeNames;
  readonly issue: (authority: { certificate: string; key: string }, key: string) => Promise<string>;
}

async function ensureCertificate(
  store: SecretStore,
  made: string[],
  { keyName, name, whose, names, issue }: Wanted,
): Promise<void> {
  const key = await ensured(store, made, keyName, newKey);
  const text = await store.read(name);
  if (text === undefined) {
    await ensured(store, made, name, async () => issue(await authorityOf(store), key));
    return;
  }
  const certificate = certificateIn(text);
  const missing = certificate ? missingNames(certificate, names) : [];
  const otherKey = made.includes(keyName);
  if (certificate && missing.length === 0 && !otherKey) return;

  const fault = !certificate
    ? "cannot be read as a certificate"
    : otherKey
      ? "had lost its key"
      : `does not name ${missing.join(" and ")}`;
  const authority = await authorityOf(store);
  const own = certificateIn(authority.certificate);
  // One that somebody else has issued is not ours to replace.
  if (!certificate || !own || !signedBy(certificate, own))
    throw new Error(
      `${store.describe()}: ${name} ${fault}, and ${authorityFile} has not issued it; put one there that is right for ` +
        `${whose}, or remove it, and run init again`,
    );
  await store.write(name, await issue(authority, key));
  made.push(name);
}

async function authorityOf(store: SecretStore): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = [await store.read(authorityFile), await store.read(authorityKey)];
  if (certificate === undefined || key === undefined)
    throw new Error(
      `${store.describe()}: ${key === undefined ? authorityKey : authorityFile} is missing, and somebody needs a ` +
        `certificate; put it back, or store certificates for all of them by hand`,
    );
  const problems = authorityProblems(certificate, key);
  if (problems.length > 0)
    throw new Error(`${store.describe()}: ${authorityKey} and ${authorityFile} cannot sign: ${problems.join("; ")}`);
  return { certificate, key };
}
