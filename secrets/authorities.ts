import type { X509Certificate } from "node:crypto";
import { authorityProblems, certificateIn, isKeyOf } from "./certificates.ts";
import { ensured } from "./ensured.ts";
import type { SecretStore } from "./store.ts";
import { type Authority, authorityCertificate, newKey } from "./x509.ts";

/**
 * Whoever signs the nodes' certificates. It is replaced in three steps, each of which can be killed and done again, and
 * after each of which the nodes are told: the next one is believed beside the present one; the nodes' certificates are of the
 * next one, which is the present one from now on; the previous one is not believed any more.
 */

export const authorityKey = "tls/ca.key";
export const authorityFile = "tls/ca.crt";
export const nextAuthorityKey = "tls/ca.next.key";
export const nextAuthorityFile = "tls/ca.next.crt";
export const previousAuthorityFile = "tls/ca.previous.crt";

/** The certificates of all that are believed, in PEM; undefined when there is none. */
export async function trustedAuthorities(store: SecretStore): Promise<string | undefined> {
  const names = [authorityFile, nextAuthorityFile, previousAuthorityFile];
  const [present, ...others] = await Promise.all(names.map((name) => store.read(name)));
  if (present === undefined) return undefined;
  const all = new Set([present, ...others.filter((other) => other !== undefined)].map((text) => text.trim()));
  return `${[...all].join("\n")}\n`;
}

/** `waiting`: another one is believed besides, until `replaceAuthority` and `forgetAuthority`. */
export async function authorityStage(store: SecretStore): Promise<"none" | "waiting"> {
  const names = await store.list();
  return names.includes(nextAuthorityFile) || names.includes(previousAuthorityFile) ? "waiting" : "none";
}

/**
 * Makes the next authority.
 * @throws when the present one's key is not here: then the next one is not ours to make either
 */
export async function beginAuthority(store: SecretStore, commonName: string): Promise<void> {
  await signingAuthority(
    store,
    "only then another one can be made here; bring yours: npx redis-ha secrets import --authority FILE (docs/security.md)",
  );
  const key = await ensured(store, nextAuthorityKey, newKey);
  await ensured(store, nextAuthorityFile, () => authorityCertificate(commonName, key));
}

/** The next one, as long as it is that. */
export async function nextAuthority(store: SecretStore): Promise<Authority | undefined> {
  const [certificate, key] = [await store.read(nextAuthorityFile), await store.read(nextAuthorityKey)];
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/** Makes the next authority the present one. All nodes must believe it already. After each write, what is there can sign. */
export async function replaceAuthority(store: SecretStore): Promise<void> {
  const [present, next] = [await store.read(authorityFile), await nextAuthority(store)];
  if (present !== undefined && next !== undefined) {
    if (present !== next.certificate) await store.write(previousAuthorityFile, present, { ifAbsent: true });
    await store.write(authorityFile, next.certificate);
    await store.write(authorityKey, next.key);
    await store.remove(nextAuthorityFile);
  }
  await store.remove(nextAuthorityKey);
}

/** Forgets the previous authority. No node may show a certificate of it any more. */
export const forgetAuthority = (store: SecretStore): Promise<void> => store.remove(previousAuthorityFile);

/**
 * The authority with which certificates are made.
 * @param need what it is needed for, and what to do
 * @throws when there is none, or it cannot sign
 */
export async function signingAuthority(store: SecretStore, need: string): Promise<Authority> {
  const certificate = await store.read(authorityFile);
  const own = certificate === undefined ? undefined : certificateIn(certificate);
  const keys = [await store.read(authorityKey), await store.read(nextAuthorityKey)].filter((key) => key !== undefined);
  // While the next one takes its place, its key is still that of the next one.
  const key = keys.find((each) => own && isKeyOf(each, own)) ?? keys[0];
  if (certificate === undefined || key === undefined)
    throw new Error(`${store.describe()}: ${key === undefined ? authorityKey : authorityFile} is missing, and ${need}`);
  const problems = authorityProblems(certificate, key);
  if (problems.length > 0)
    throw new Error(`${store.describe()}: ${authorityKey} and ${authorityFile} cannot sign: ${problems.join("; ")}`);
  return { certificate, key };
}

/** The certificates of those whose node certificates are ours to replace, as their keys are or were here. */
export async function ownAuthorities(
  store: SecretStore,
): Promise<Readonly<Record<"present" | "previous" | "next", X509Certificate | undefined>>> {
  const read = async (name: string): Promise<X509Certificate | undefined> => {
    const text = await store.read(name);
    return text === undefined ? undefined : certificateIn(text);
  };
  const names = await store.list();
  if (!names.includes(authorityKey)) return { present: undefined, previous: undefined, next: undefined };
  const [present, previous] = [await read(authorityFile), await read(previousAuthorityFile)];
  return { present, previous, next: await read(nextAuthorityFile) };
}
