import type { X509Certificate } from "node:crypto";
import type { TopologyNode } from "../topology/topology.ts";
import { authorityFile, ownAuthorities, signingAuthority } from "./authorities.ts";
import { certificateIn, daysUntil, isKeyOf, missingNames, namesOf, type NodeNames, signedBy } from "./certificates.ts";
import { ensured } from "./ensured.ts";
import type { SecretStore } from "./store.ts";
import { type Authority, clientCertificate, newKey, nodeCertificate } from "./x509.ts";

/** What the authority of an environment issues: a key and a certificate for each node, and for its clients where they need one. */

export const nodesFolder = "tls/nodes/";
export const keyOf = (node: string): string => `${nodesFolder}${node}.key`;
export const certificateOf = (node: string): string => `${nodesFolder}${node}.crt`;
/** What the environment's clients show, where they have to; no node receives it. */
export const clientKey = "tls/client.key";
export const clientFile = "tls/client.crt";

/** A certificate of ours that is valid for fewer days is replaced by the next apply. */
const RENEW_DAYS = 60;

/** Whose a certificate and its key are. */
export interface Holder {
  /** With a verb: "redis-a needs". */
  readonly whoNeeds: string;
  /** Names in the store. */
  readonly keyName: string;
  readonly name: string;
  /** What the certificate has to name. */
  readonly names: NodeNames;
  readonly issue: (authority: Authority, key: string) => Promise<string>;
  /** How else it comes into the store. */
  readonly otherwise: string;
}

export function ofNode(node: Pick<TopologyNode, "name" | "address">): Holder {
  const names = namesOf(node);
  return {
    whoNeeds: `${node.name} needs`,
    keyName: keyOf(node.name),
    name: certificateOf(node.name),
    names,
    issue: (authority, key) => nodeCertificate(authority, names, key),
    otherwise: `import one: npx redis-ha secrets import --node ${node.name} --certificate FILE --key FILE`,
  };
}

export const ofClients: Holder = {
  whoNeeds: "its clients need",
  keyName: clientKey,
  name: clientFile,
  names: { dns: [], addresses: [] },
  issue: clientCertificate,
  otherwise: "import one: npx redis-ha secrets import --clients --certificate FILE --key FILE",
};

/**
 * Makes a key and a certificate where there are none, and a new certificate where ours is not right any more.
 * @param note told the names of what was made
 * @throws when a certificate that somebody else has issued is not right, or none can be made
 */
export async function ensureCertificate(
  store: SecretStore,
  holder: Holder,
  note: (name: string) => void,
): Promise<void> {
  const { name, keyName } = holder;
  const text = await store.read(name);
  // Where nothing can be signed, the key comes with the certificate.
  if (text === undefined) await signingFor(store, holder);
  const key = await ensured(store, keyName, newKey, note);
  const make = async (): Promise<string> => holder.issue(await signingFor(store, holder), key);
  if (text === undefined) return void (await ensured(store, name, make, note));
  const certificate = certificateIn(text);
  const authorities = await ownAuthorities(store);
  const fault = certificate ? faultOf(certificate, key, holder, authorities) : "cannot be read as a certificate";
  if (fault === undefined) return;
  // One that somebody else has issued is not ours to replace.
  if (!certificate || !Object.values(authorities).some((own) => own && signedBy(certificate, own)))
    throw new Error(
      `${store.describe()}: ${name} ${fault}, and ${authorityFile} has not issued it; ${holder.otherwise}`,
    );
  await store.write(name, await make());
  note(name);
}

/** Replaces a key and its certificate, which is ours. Killed in between, `ensureCertificate` ends it. */
export async function renewCertificate(store: SecretStore, holder: Holder, by?: Authority): Promise<void> {
  const authority = by ?? (await signingFor(store, holder));
  const key = await newKey();
  await store.write(holder.keyName, key);
  await store.write(holder.name, await holder.issue(authority, key));
}

const signingFor = (store: SecretStore, { whoNeeds, otherwise }: Holder): Promise<Authority> =>
  signingAuthority(store, `${whoNeeds} a certificate; put it back, or ${otherwise}`);

function faultOf(
  certificate: X509Certificate,
  key: string,
  { names }: Holder,
  { present, previous }: Awaited<ReturnType<typeof ownAuthorities>>,
): string | undefined {
  const missing = missingNames(certificate, names);
  if (missing.length > 0) return `does not name ${missing.join(" and ")}`;
  if (!isKeyOf(key, certificate)) return "is not of the key beside it";
  if (!present || !signedBy(certificate, present)) {
    return previous && signedBy(certificate, previous) ? "is of the previous authority" : undefined;
  }
  // Not for ever again: near its own end, the authority cannot give more.
  const more = Date.parse(present.validTo) > Date.parse(certificate.validTo);
  return daysUntil(certificate.validTo) < RENEW_DAYS && more ? `is valid until ${certificate.validTo}` : undefined;
}

/** Whether what is stored has been issued by this authority, and is a pair. */
export async function isIssuedBy(
  store: SecretStore,
  { name, keyName }: Holder,
  authority: Authority,
): Promise<boolean> {
  const [text, key, own] = [await store.read(name), await store.read(keyName), certificateIn(authority.certificate)];
  const certificate = text === undefined ? undefined : certificateIn(text);
  return Boolean(certificate && own && key !== undefined && signedBy(certificate, own) && isKeyOf(key, certificate));
}
