import type { X509Certificate } from "node:crypto";
import type { TopologyNode } from "../topology/topology.ts";
import { authorityFile, ownAuthorities, signingAuthority } from "./authorities.ts";
import { certificateIn, isKeyOf, missingNames, namesOf, signedBy } from "./certificates.ts";
import { ensured } from "./ensured.ts";
import type { SecretStore } from "./store.ts";
import { newKey, nodeCertificate } from "./x509.ts";

export const nodesFolder = "tls/nodes/";
export const keyOf = (node: string): string => `${nodesFolder}${node}.key`;
export const certificateOf = (node: string): string => `${nodesFolder}${node}.crt`;

/** A certificate of ours that is valid for fewer days is replaced by the next apply. */
const RENEW_DAYS = 60;
const DAY_MS = 86_400_000;

type Named = Pick<TopologyNode, "name" | "address">;

/**
 * Makes a node's key and certificate if it has none, and a new certificate where ours is not right any more.
 * @param note told the names of what was made
 * @throws when a certificate that somebody else has issued is not right, or none can be made
 */
export async function ensureCertificate(store: SecretStore, node: Named, note: (name: string) => void): Promise<void> {
  const name = certificateOf(node.name);
  const text = await store.read(name);
  // Where nothing can be signed, the key comes with the certificate.
  if (text === undefined) await signingFor(store, node);
  const key = await ensured(store, keyOf(node.name), newKey, note);
  const make = async (): Promise<string> => nodeCertificate(await signingFor(store, node), namesOf(node), key);
  if (text === undefined) return void (await ensured(store, name, make, note));
  const certificate = certificateIn(text);
  const authorities = await ownAuthorities(store);
  const fault = certificate ? faultOf(certificate, key, node, authorities) : "cannot be read as a certificate";
  if (fault === undefined) return;
  // One that somebody else has issued is not ours to replace.
  if (!certificate || !authorities.some((own) => signedBy(certificate, own)))
    throw new Error(
      `${store.describe()}: ${name} ${fault}, and ${authorityFile} has not issued it; ` +
        `import one that is right for it: ${importOf(node)}`,
    );
  await store.write(name, await make());
  note(name);
}

/** Replaces the key and the certificate of a node that has one of ours. Killed in between, `ensureCertificate` ends it. */
export async function renewCertificate(store: SecretStore, node: Named): Promise<void> {
  const authority = await signingFor(store, node);
  const key = await newKey();
  await store.write(keyOf(node.name), key);
  await store.write(certificateOf(node.name), await nodeCertificate(authority, namesOf(node), key));
}

const importOf = ({ name }: Named): string =>
  `npx redis-ha secrets import --node ${name} --certificate FILE --key FILE`;

const signingFor = (store: SecretStore, node: Named): ReturnType<typeof signingAuthority> =>
  signingAuthority(store, `${node.name} needs a certificate; put it back, or import one: ${importOf(node)}`);

function faultOf(
  certificate: X509Certificate,
  key: string,
  node: Named,
  [present, ...previous]: readonly X509Certificate[],
): string | undefined {
  const missing = missingNames(certificate, namesOf(node));
  if (missing.length > 0) return `does not name ${missing.join(" and ")}`;
  if (!isKeyOf(key, certificate)) return "is not of the key beside it";
  if (previous.some((own) => signedBy(certificate, own))) return "is of the previous authority";
  const own = present !== undefined && signedBy(certificate, present);
  const days = (Date.parse(certificate.validTo) - Date.now()) / DAY_MS;
  // Not for ever again: near its own end, the authority cannot give more.
  const more = present !== undefined && Date.parse(present.validTo) > Date.parse(certificate.validTo);
  return own && days < RENEW_DAYS && more ? `is valid until ${certificate.validTo}` : undefined;
}
