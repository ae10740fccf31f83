import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** Looks at keys and certificates, this project's own and others', with what Node has built in. */

/** What a node's certificate has to name: whoever connects compares with what it connected to. */
export interface NodeNames {
  /** The node's own name first. */
  readonly dns: readonly string[];
  readonly addresses: readonly string[];
}

/** How a node is connected to: by its name or address from elsewhere, by `localhost` or 127.0.0.1 from itself. */
export const namesOf = ({ name, address }: Pick<TopologyNode, "name" | "address">): NodeNames => ({
  dns: [name, "localhost"],
  addresses: [...new Set([address, "127.0.0.1"])],
});

export const DAY_MS = 86_400_000;

/** Whole days until a moment, as a certificate or Date writes it; negative when it is over. */
export const daysUntil = (moment: string, now = new Date()): number =>
  Math.floor((Date.parse(moment) - now.getTime()) / DAY_MS);

/** A certificate with fewer days left is a fault. */
export const LEAST_DAYS = 14;

/** What a certificate is for. */
export type Purpose = "serverAuth" | "clientAuth";
const purposes: Readonly<Record<string, Purpose>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
};

/**
 * Everything for which peers or clients would refuse a node with these files, each as a sentence; empty when there is nothing.
 * No sentence has a part of a key in it.
 * @param names of the node that the certificate is for
 * @param needed what it has to be for @default - both: nodes are servers and each other's clients
 */
export function tlsProblems(
  { authority, certificate, key }: TlsSet,
  names: NodeNames,
  now = new Date(),
  needed: readonly Purpose[] = ["serverAuth", "clientAuth"],
): string[] {
  const authorities = certificatesIn(authority);
  const [own, ...between] = certificatesIn(certificate) ?? [];
  const privateKey = keyIn(key);
  const unreadable = [
    ...(authorities?.length ? [] : ["the authority's file has no readable certificate; use PEM"]),
    ...(own ? [] : ["the certificate's file has no readable certificate; use PEM"]),
    ...(typeof privateKey === "string" ? [privateKey] : []),
  ];
  if (!authorities?.length || !own || typeof privateKey === "string") return unreadable;
  return [
    ...keyProblem(own, between, privateKey),
    ...chainProblems(own, between, authorities, now),
    ...missingNames(own, names).map((name) => `the certificate does not name ${name}; issue one that does`),
    ...missingPurposes(own, needed),
  ];
}

/**
 * Why nothing can be signed with an authority's certificate and key, both in PEM; empty when it can be.
 * No sentence has a part of a key in it.
 */
export function authorityProblems(certificate: string, key: string, now = new Date()): string[] {
  const [own, privateKey] = [certificateIn(certificate), keyIn(key)];
  if (!own) return ["the authority's certificate cannot be read; use PEM"];
  if (typeof privateKey === "string") return [privateKey];
  return [
    ...(own.checkPrivateKey(privateKey) ? [] : ["the key is not the one of the authority's certificate"]),
    ...(own.ca ? [] : ["the authority's certificate is not one of an authority (CA:TRUE)"]),
    ...dateProblem("the authority's certificate", own, now),
  ];
}

/** Which of the names a certificate lacks; its common name does not count, as clients do not look at it. */
export const missingNames = (certificate: X509Certificate, { dns, addresses }: NodeNames): string[] => [
  ...dns.filter((name) => certificate.checkHost(name, { subject: "never" }) === undefined),
  ...addresses.filter((address) => certificate.checkIP(address) === undefined),
];

/** Whether a certificate was signed by this one. */
export const signedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** Whether a private key in PEM is the one of a certificate. */
export function isKeyOf(text: string, certificate: X509Certificate): boolean {
  const key = keyIn(text);
  return typeof key !== "string" && certificate.checkPrivateKey(key);
}

/** The first certificate of a text in PEM; undefined when there is none, or one that cannot be read. */
export const certificateIn = (text: string): X509Certificate | undefined => certificatesIn(text)?.[0];

/** All certificates of a text in PEM; undefined when one of them cannot be read. */
export function certificatesIn(text: string): X509Certificate[] | undefined {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** The key, or why it is of no use. OpenSSL's own words are left out: they are about a secret. */
function keyIn(text: string): KeyObject | string {
  if (/ENCRYPTED/.test(text)) return "the key is encrypted, and a server cannot ask; store it without a passphrase";
  try {
    return createPrivateKey(text);
  } catch {
    return "the key's file has no readable private key; use PEM, PKCS#8 for example";
  }
}

function keyProblem(own: X509Certificate, between: readonly X509Certificate[], key: KeyObject): string[] {
  if (own.checkPrivateKey(key)) return [];
  if (between.some((each) => each.checkPrivateKey(key)))
    return ["the certificate of the key is not the first of its file; put it before those of the authorities"];
  return ["the key is not the one of the certificate; use the key with which it was asked for"];
}

/** Whether a node's certificate, with those after it, leads up to an authority that is trusted; dates do not count. */
export function leadsTo(authority: string, certificate: string): boolean {
  const [own, ...between] = certificatesIn(certificate) ?? [];
  return own !== undefined && chainUp(own, between, certificatesIn(authority) ?? [], new Date()).problem === undefined;
}

/** Of a node's certificate and those that it depends on, the one that expires first. @throws when there is none */
export function firstToExpire({ authority, certificate }: Pick<TlsSet, "authority" | "certificate">): X509Certificate {
  const [own, ...between] = certificatesIn(certificate) ?? [];
  if (!own) throw new Error("the certificate's file has no readable certificate; use PEM");
  const { chain } = chainUp(own, between, certificatesIn(authority) ?? [], new Date());
  return chain.reduce((first, each) => (Date.parse(each.validTo) < Date.parse(first.validTo) ? each : first));
}

interface Chain {
  /** The node's certificate first. */
  readonly chain: readonly X509Certificate[];
  /** Why it ends too early. */
  readonly problem?: string;
}

/** From the node's certificate up to a trusted one that nobody else has signed: with less, OpenSSL is not content. */
function chainUp(
  own: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: Date,
): Chain {
  const chain = [own];
  // Those that are trusted first, as OpenSSL does.
  const left = new Set([...authorities, ...between]);
  for (let current = own; ;) {
    const issuers = [...left].filter((candidate) => signedBy(current, candidate));
    const usable = issuers.filter(({ ca }) => ca);
    // Several may have the same name and key: one that is valid is enough.
    const next = usable.find((candidate) => dateProblem("", candidate, now).length === 0) ?? usable[0];
    if (!next) {
      if (issuers.some((issuer) => authorities.includes(issuer)))
        return { chain, problem: "the authority's certificate is not one of an authority (CA:TRUE)" };
      return { chain, problem: authorities.includes(current) ? rootMissing(current) : notSigned };
    }
    left.delete(next);
    chain.push(next);
    if (authorities.includes(next) && signedBy(next, next)) return { chain };
    current = next;
  }
}

const notSigned =
  "no authority of the authority's file has signed the certificate; use the one that did, with those between them after the certificate";

const rootMissing = (last: X509Certificate): string =>
  `the authority's file ends with "${nameOf(last.subject)}", which another one has signed; add ` +
  `"${nameOf(last.issuer)}", and so on up to the one that has signed itself`;

/** The names of a subject in one line. */
export const nameOf = (subject: string): string => subject.split("\n").join(", ");

function chainProblems(
  own: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: Date,
): string[] {
  const { chain, problem } = chainUp(own, between, authorities, now);
  const what = (each: X509Certificate): string => {
    if (each === own) return "the certificate";
    return authorities.includes(each) ? "the authority's certificate" : "a certificate between it and the authority";
  };
  return [...chain.flatMap((each) => dateProblem(what(each), each, now)), ...(problem === undefined ? [] : [problem])];
}

function dateProblem(what: string, { validFrom, validTo }: X509Certificate, now: Date): string[] {
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now < from) return [`${what} is valid only from ${from.toISOString()}; look at this computer's clock`];
  return now > to ? [`${what} has expired on ${to.toISOString()}; issue a new one`] : [];
}

/** A certificate that names no purpose serves all. */
function missingPurposes({ keyUsage }: X509Certificate, needed: readonly Purpose[]): string[] {
  const stated = keyUsage as readonly string[] | undefined;
  if (!stated) return [];
  const lacks = Object.entries(purposes).filter(([id, name]) => needed.includes(name) && !stated.includes(id));
  const why =
    needed.length > 1 ? "nodes are servers and each other's clients: issue one for both" : "issue one that is";
  return lacks.map(([, name]) => `the certificate is not for ${name}; ${why}`);
}
