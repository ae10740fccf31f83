import { createPrivateKey, createPublicKey, KeyObject, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { DAY_MS, type NodeNames } from "./certificates.ts";

/**
 * Makes keys and certificates: ECDSA on P-256, which every TLS library has and which costs a server least. Keys that were brought may
 * be others.
 */

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const brought = {
  prime256v1: algorithm,
  secp384r1: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" },
  rsa: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;
const AUTHORITY_DAYS = 3652;
/** What clients take at most: https://support.apple.com/en-us/103769 */
const NODE_DAYS = 825;
/** The clocks of a cluster differ. */
const EARLIER_MS = 3_600_000;

/** A new private key, as PKCS#8 in PEM. */
export async function newKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return KeyObject.from(privateKey).export({ type: "pkcs8", format: "pem" }).toString();
}

/**
 * The certificate of an authority that signs nodes' certificates and nothing else, in PEM; for ten years.
 * @param name its common name
 * @param key its private key, in PEM
 */
export async function authorityCertificate(name: string, key: string): Promise<string> {
  const x509 = await library();
  const publicKey = publicKeyOf(key);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(AUTHORITY_DAYS),
    ...(await signingWith(key)),
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: [{ CN: [name] }],
    publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return pem(certificate);
}

export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/**
 * A node's certificate in PEM: as a server's, and as a client's, since nodes connect to each other. For 825 days, but not
 * longer than the authority's.
 * @param key the node's private key, in PEM
 * @throws when the authority's key or certificate is none
 */
export const nodeCertificate = (authority: Authority, names: NodeNames, key: string): Promise<string> =>
  issued(authority, key, names.dns[0] ?? "", names);

/** The same for an environment's clients, who show it to servers and cannot be one with it. */
export const clientCertificate = (authority: Authority, key: string): Promise<string> =>
  issued(authority, key, "client");

/** @param server what a server is called; absent: only a client's */
async function issued(authority: Authority, key: string, name: string, server?: NodeNames): Promise<string> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.certificate);
  const publicKey = publicKeyOf(key);
  // Whoever compares, compares with what the authority says of itself.
  const issuerKey = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const { notBefore, notAfter } = validity(NODE_DAYS);
  const extensions: X509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([
      ...(server ? [x509.ExtendedKeyUsage.serverAuth] : []),
      x509.ExtendedKeyUsage.clientAuth,
    ]),
    ...(server ? [alternativeNames(x509, server)] : []),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    issuerKey === undefined
      ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
      : new x509.AuthorityKeyIdentifierExtension(issuerKey),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: issuer.subjectName,
    publicKey,
    ...(await signingWith(authority.key)),
    extensions,
  });
  return pem(certificate);
}

const alternativeNames = (x509: typeof X509, { dns, addresses }: NodeNames): X509.Extension =>
  new x509.SubjectAlternativeNameExtension([
    ...dns.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value })),
  ]);

/** Loaded when a certificate is made: on most days none is. */
async function library(): Promise<typeof X509> {
  try {
    // The library's own way of putting its parts together needs it.
    await import("reflect-metadata");
    return await import("@peculiar/x509");
  } catch {
    throw new Error("the npm package @peculiar/x509 cannot be loaded; npm ci in the checkout");
  }
}

/** In DER. */
const publicKeyOf = (key: string) => new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));

/** @throws for a key that cannot sign here; nothing is said of it but its kind */
async function signingWith(
  key: string,
): Promise<{ signingKey: webcrypto.CryptoKey; signingAlgorithm: { name: string } }> {
  const privateKey = createPrivateKey(key);
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: details } = privateKey;
  const kind = details?.namedCurve ?? type;
  if (!(kind in brought))
    throw new Error(`an authority's key has to be RSA, or ECDSA on P-256, P-384 or P-521; this one is ${kind}`);
  const signingAlgorithm = brought[kind as keyof typeof brought];
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  return {
    signingKey: await webcrypto.subtle.importKey("pkcs8", der, signingAlgorithm, false, ["sign"]),
    signingAlgorithm,
  };
}

/** Positive, and as long as RFC 5280 lets it be with room to spare: 16 bytes, of which the first is 40 to 7f. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.toString("hex");
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - EARLIER_MS), notAfter: new Date(now + days * DAY_MS) };
}

const pem = (certificate: { readonly rawData: ArrayBuffer }): string =>
  new X509Certificate(Buffer.from(certificate.rawData)).toString();
