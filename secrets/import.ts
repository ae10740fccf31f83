import { createPrivateKey } from "node:crypto";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { authorityProblems, certificatesIn, leadsTo, nameOf, namesOf, signedBy, tlsProblems } from "./certificates.ts";
import { handshakeProblems } from "./handshake.ts";
import { authorityFile, authorityKey } from "./authorities.ts";
import { updateRevision } from "./init.ts";
import { certificateOf, clientFile, clientKey, keyOf, ofClients, ofNode } from "./issued.ts";
import { storedTls } from "./node-secrets.ts";
import type { SecretStore } from "./store.ts";
import { authorityCertificate, newKey, nodeCertificate } from "./x509.ts";

/** Files of somebody else, in PEM. */
export interface Given {
  readonly authority?: { readonly certificates: string; readonly key?: string };
  readonly node?: { readonly node: TopologyNode; readonly certificate: string; readonly key: string };
  /** What the environment's clients show. */
  readonly clients?: { readonly certificate: string; readonly key: string };
}

export interface Imported {
  /** Names of what is another one now. */
  readonly stored: readonly string[];
  /** Of what was of no use with the authority that is there now. */
  readonly removed: readonly string[];
}

/**
 * Puts an authority, or the key and certificate of a node or of the clients, into a store, after everything was found to fit. Can be killed at any point and
 * run again.
 * @param nodes all of the environment
 * @param running half a sentence that names a node which has been applied; undefined = none has. Of one that cannot be asked,
 * `silent` decides
 * @throws with everything that is wrong; nothing was stored then
 */
export async function importSecrets(
  store: SecretStore,
  nodes: readonly TopologyNode[],
  given: Given,
  running: (silent: "counts" | "does-not") => Promise<string | undefined>,
): Promise<Imported> {
  const former = await store.read(authorityFile);
  const authority = given.authority ? await checkedAuthority(given.authority, nodes) : former;
  if (authority === undefined)
    throw new Error(`${store.describe()} has no authority yet, which has signed the certificate: add --authority FILE`);
  const tls = given.node && (await checkedNode(given.node, authority));
  const clients = given.clients && (await checkedClients(given.clients, authority));
  if (!(await fitsBoth(store, nodes, authority, former))) {
    // Before there are hosts, none can be asked.
    const why = await running(former === undefined ? "does-not" : "counts");
    if (why !== undefined)
      throw new Error(
        `${why}, with another authority than this one: whoever believes only one of the two would shut the other out. Nothing was ` +
          `stored. While they run, first import a file with both (docs/security.md); or stop all nodes, import, and apply again`,
      );
  }

  const stored: string[] = [];
  const removed: string[] = [];
  const write = async (name: string, value: string): Promise<void> => {
    if ((await store.read(name)) === value) return;
    await store.write(name, value);
    stored.push(name);
  };
  const remove = async (name: string): Promise<void> => {
    await store.remove(name);
    removed.push(name);
  };
  if (given.authority) {
    // The certificate last: as long as it is the former one, all this is done again.
    const key = given.authority.key === undefined ? undefined : plainKey(given.authority.key);
    const formerKey = await store.read(authorityKey);
    if (key === undefined && formerKey !== undefined && authorityProblems(authority, formerKey).length > 0)
      await remove(authorityKey);
    const strange = await strangers(store, nodes, authority);
    if (strange.length > 0 && (await running("counts")) === undefined) for (const name of strange) await remove(name);
    if (key !== undefined) await write(authorityKey, key);
    await write(authorityFile, authority);
  }
  if (given.node && tls) {
    // The larger one first: a store may not take it.
    await write(certificateOf(given.node.node.name), tls.certificate);
    await write(keyOf(given.node.node.name), tls.key);
  }
  if (clients) {
    await write(clientFile, clients.certificate);
    await write(clientKey, clients.key);
  }
  await updateRevision(store);
  return { stored, removed };
}

/** @returns the certificates, first the one that signs, if there is a key. @throws with all that is wrong */
async function checkedAuthority(
  { certificates, key }: NonNullable<Given["authority"]>,
  nodes: readonly TopologyNode[],
): Promise<string> {
  const all = certificatesIn(certificates);
  if (!all?.length) throw new Error("--authority: the file has no readable certificate; use PEM");
  const problems = all.flatMap((each) => {
    if (!each.ca) return [`"${nameOf(each.subject)}" is not the certificate of an authority (CA:TRUE)`];
    if (Date.parse(each.validTo) < Date.now()) return [`"${nameOf(each.subject)}" has expired on ${each.validTo}`];
    return [];
  });
  if (!all.some((each) => signedBy(each, each)))
    problems.push("the file has no certificate that has signed itself; add those above it, up to that one");
  if (problems.length > 0) throw new Error(`--authority: ${problems.join("; ")}`);
  if (key === undefined) return plain(certificates);

  const signing = all.find((each) => authorityProblems(each.toString(), key).length === 0) ?? all[0]!;
  const unfit = authorityProblems(signing.toString(), key);
  if (unfit.length > 0) throw new Error(`--authority-key: ${unfit.join("; ")}`);
  const ordered = [signing, ...all.filter((each) => each !== signing)].map(String).join("");
  // Whether what it will sign is believed, shows when it signs.
  for (const node of nodes) {
    const own = await newKey();
    const certificate = await nodeCertificate({ certificate: ordered, key: plainKey(key) }, namesOf(node), own);
    const set = { authority: ordered, certificate, key: own };
    const found = [...tlsProblems(set, namesOf(node)), ...(await handshakeProblems(set))];
    if (found.length > 0)
      throw new Error(
        `--authority-key: a certificate that it signs for ${node.name} is of no use: ${found.join("; ")}`,
      );
  }
  return ordered;
}

async function checkedNode(
  { node, certificate, key }: NonNullable<Given["node"]>,
  authority: string,
): Promise<{ certificate: string; key: string }> {
  const problems = tlsProblems({ authority, certificate, key }, namesOf(node));
  if (problems.length > 0) throw new Error(`${node.name}: ${problems.join("; ")}`);
  const set = { authority, certificate: plain(certificate), key: plainKey(key) };
  const refused = await handshakeProblems(set);
  if (refused.length > 0) throw new Error(`${node.name}: ${refused.join("; ")}`);
  return set;
}

async function checkedClients(
  { certificate, key }: NonNullable<Given["clients"]>,
  authority: string,
): Promise<{ certificate: string; key: string }> {
  const problems = clientProblems({ authority, certificate, key });
  if (problems.length > 0) throw new Error(`--clients: ${problems.join("; ")}`);
  const set = { authority, certificate: plain(certificate), key: plainKey(key) };
  const other = await newKey();
  const signing = { certificate: await authorityCertificate("a server's", other), key: other };
  const server = await nodeCertificate(signing, { dns: ["localhost"], addresses: [] }, other);
  const refused = await handshakeProblems(set, { authority: signing.certificate, certificate: server, key: other });
  if (refused.length > 0) throw new Error(`--clients: ${refused.join("; ")}`);
  return set;
}

const clientProblems = (set: TlsSet): string[] => tlsProblems(set, ofClients.names, new Date(), ["clientAuth"]);

/** Whether clients have no certificate of use in the store, and none can be made for them. */
export async function clientsWithout(store: SecretStore): Promise<boolean> {
  if ((await store.read(authorityKey)) !== undefined) return false;
  return clientProblems(await storedTls(store, ofClients)).length > 0;
}

/** The nodes that have no certificate of use in the store, when none can be made for them. */
export async function withoutCertificate(store: SecretStore, nodes: readonly TopologyNode[]): Promise<TopologyNode[]> {
  if ((await store.read(authorityKey)) !== undefined) return [];
  const found = await Promise.all(
    nodes.map(async (node) =>
      tlsProblems(await storedTls(store, ofNode(node)), namesOf(node)).length > 0 ? [node] : [],
    ),
  );
  return found.flat();
}

/** The stored certificates of nodes that the authority has not issued. */
async function strangers(store: SecretStore, nodes: readonly TopologyNode[], authority: string): Promise<string[]> {
  const found = await Promise.all(
    nodes.map(async ({ name }) => {
      const text = await store.read(certificateOf(name));
      return text === undefined || leadsTo(authority, text) ? [] : [certificateOf(name)];
    }),
  );
  return found.flat();
}

/** Without the text that programs write around it: a store may have little room. */
const plain = (certificates: string): string => (certificatesIn(certificates) ?? []).map(String).join("");
const plainKey = (key: string): string => createPrivateKey(key).export({ type: "pkcs8", format: "pem" }).toString();

/**
 * Whether nobody is shut out when nodes that run get these authorities: they have all of the former ones among them, or are a part of
 * those by which every node's certificate is believed.
 */
async function fitsBoth(
  store: SecretStore,
  nodes: readonly TopologyNode[],
  authority: string,
  former: string | undefined,
): Promise<boolean> {
  const [its, formers] = [authority, former ?? ""].map((text) =>
    (certificatesIn(text) ?? []).map((each) => each.fingerprint256),
  );
  if (!its || !formers || formers.length === 0) return false;
  if (formers.every((each) => its.includes(each))) return true;
  if (!its.every((each) => formers.includes(each))) return false;
  return (await strangers(store, nodes, authority)).length === 0;
}
