import { createHash } from "node:crypto";
import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { authorityProblems, certificateIn, missingNames, namesOf, signedBy } from "./certificates.ts";
import { newPassword, passwordOf } from "./passwords.ts";
import type { SecretStore } from "./store.ts";
import { authorityCertificate, newKey, nodeCertificate } from "./x509.ts";

export const authorityKey = "tls/ca.key";
export const authorityFile = "tls/ca.crt";
export const keyOf = (node: string): string => `tls/nodes/${node}.key`;
export const certificateOf = (node: string): string => `tls/nodes/${node}.crt`;
/** A number, and after a space the hash of what it stands for. */
export const revisionName = "revision";

/**
 * Makes what an environment's store lacks: passwords, an authority, a key and a certificate for each node. What is there
 * stays, but for a node's certificate that does not name the node as it is now. Can be killed at any point and run again;
 * of two at once, both end with the same secrets.
 * @returns the names of what was made, never a value
 * @throws when a certificate is needed and cannot be made; secrets that were made until then stay
 */
export async function initSecrets(
  store: SecretStore,
  { masterName, nodes }: Pick<InventoryEnvironment, "masterName" | "nodes">,
): Promise<string[]> {
  const made: string[] = [];
  const ensure = (name: string, make: () => string | Promise<string>) => ensured(store, made, name, make);

  for (const user of [...redisUsers, ...sentinelUsers]) await ensure(passwordOf(user), newPassword);
  // The key first and the certificate from the key that is stored: whoever is interrupted or overtaken has made a pair.
  if ((await store.read(authorityFile)) === undefined) {
    const key = await ensure(authorityKey, newKey);
    await ensure(authorityFile, () => authorityCertificate(`${masterName} CA`, key));
  }
  for (const node of nodes) await ensureCertificate(store, made, node);
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
    if (name === revisionName || name === authorityKey) continue;
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

async function ensureCertificate(store: SecretStore, made: string[], node: TopologyNode): Promise<void> {
  const name = certificateOf(node.name);
  const names = namesOf(node);
  const text = await store.read(name);
  // Where nothing can be signed, the key comes with the certificate.
  if (text === undefined) await authorityOf(store, node);
  const key = await ensured(store, made, keyOf(node.name), newKey);
  if (text === undefined) {
    await ensured(store, made, name, async () => nodeCertificate(await authorityOf(store, node), names, key));
    return;
  }
  const certificate = certificateIn(text);
  const missing = certificate ? missingNames(certificate, names) : [];
  const otherKey = made.includes(keyOf(node.name));
  if (certificate && missing.length === 0 && !otherKey) return;

  const fault = !certificate
    ? "cannot be read as a certificate"
    : otherKey
      ? "had lost its key"
      : `does not name ${missing.join(" and ")}`;
  const authority = await authorityOf(store, node);
  const own = certificateIn(authority.certificate);
  // One that somebody else has issued is not ours to replace.
  if (!certificate || !own || !signedBy(certificate, own))
    throw new Error(
      `${store.describe()}: ${name} ${fault}, and ${authorityFile} has not issued it; ` +
        `import one that is right for it: ${importOf(node)}`,
    );
  await store.write(name, await nodeCertificate(authority, names, key));
  made.push(name);
}

const importOf = ({ name }: TopologyNode): string =>
  `npx redis-ha secrets import --node ${name} --certificate FILE --key FILE`;

async function authorityOf(store: SecretStore, node: TopologyNode): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = [await store.read(authorityFile), await store.read(authorityKey)];
  if (certificate === undefined || key === undefined)
    throw new Error(
      `${store.describe()}: ${key === undefined ? authorityKey : authorityFile} is missing, and ${node.name} needs a ` +
        `certificate; put it back, or import one: ${importOf(node)}`,
    );
  const problems = authorityProblems(certificate, key);
  if (problems.length > 0)
    throw new Error(`${store.describe()}: ${authorityKey} and ${authorityFile} cannot sign: ${problems.join("; ")}`);
  return { certificate, key };
}
