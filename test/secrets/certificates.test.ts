import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { authorityProblems, namesOf, tlsProblems } from "../../secrets/certificates.ts";
import type { TlsSet } from "../../topology/node-secrets.ts";
import { authorityCertificate, clientCertificate, newKey, nodeCertificate } from "../../secrets/x509.ts";
import { names, node } from "./nodes.ts";
import { openssl, opensslCertificate } from "./openssl.ts";

const DAY_MS = 86_400_000;
const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

let caKey: string;
let ca: string;
let key: string;
let certificate: string;
let own: TlsSet;
beforeAll(async () => {
  caKey = await newKey();
  ca = await authorityCertificate("redis-ha-test CA", caKey);
  key = await newKey();
  certificate = await nodeCertificate({ certificate: ca, key: caKey }, names, key);
  own = { authority: ca, certificate, key };
});

describe("certificates that are made here, as openssl sees them", () => {
  const text = (pem: string): Promise<string> => openssl({ pem }, "x509", "-in", "pem", "-noout", "-text");
  /** The line after an extension's title. */
  const extension = (all: string, title: string): string | undefined =>
    new RegExp(`X509v3 ${title}: *(critical)?\\n *(.*)\\n`).exec(all)?.slice(1).filter(Boolean).join(" ").trim();

  it("are keys in PKCS#8 on P-256", async () => {
    for (const each of [caKey, key]) {
      expect(each).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
      expect(await openssl({ each }, "pkey", "-in", "each", "-noout", "-text")).toContain("NIST CURVE: P-256");
    }
    expect(caKey).not.toBe(key);
  });

  it("are an authority for ten years that signs certificates of nodes, and no further authorities", async () => {
    const all = await text(ca);
    expect(all).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(all).toContain("Subject: CN = redis-ha-test CA");
    expect(extension(all, "Basic Constraints")).toBe("critical CA:TRUE, pathlen:0");
    expect(extension(all, "Key Usage")).toBe("critical Certificate Sign, CRL Sign");
    const { validFrom, validTo } = new X509Certificate(ca);
    expect(Date.parse(validFrom)).toBeLessThan(Date.now() - 1_800_000);
    expect(Math.round((Date.parse(validTo) - Date.now()) / DAY_MS)).toBe(3652);
  });

  it("are a node's for 825 days, as server and client, under its names and those that it has for itself", async () => {
    const all = await text(certificate);
    expect(all).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(extension(all, "Basic Constraints")).toBe("critical CA:FALSE");
    expect(extension(all, "Key Usage")).toBe("critical Digital Signature");
    expect(extension(all, "Extended Key Usage")).toBe("TLS Web Server Authentication, TLS Web Client Authentication");
    expect(extension(all, "Subject Alternative Name")).toBe(
      "DNS:redis-a, DNS:localhost, IP Address:10.0.0.7, IP Address:127.0.0.1",
    );
    expect(extension(all, "Authority Key Identifier")).toBe(extension(await text(ca), "Subject Key Identifier"));
    const { validTo } = new X509Certificate(certificate);
    expect(Math.round((Date.parse(validTo) - Date.now()) / DAY_MS)).toBe(825);
  });

  it("name an address once, on this computer", async () => {
    const local = await nodeCertificate({ certificate: ca, key: caKey }, namesOf(node("b")), key);
    expect(extension(await text(local), "Subject Alternative Name")).toBe(
      "DNS:redis-b, DNS:localhost, IP Address:127.0.0.1",
    );
  });

  it("are taken by openssl for both purposes and each name, and for no other", async () => {
    const verify = (...args: string[]) =>
      openssl({ ca, certificate }, "verify", "-x509_strict", "-CAfile", "ca", ...args, "certificate");
    for (const purpose of ["sslserver", "sslclient"]) expect(await verify("-purpose", purpose)).toContain(": OK");
    for (const name of names.dns) expect(await verify("-verify_hostname", name)).toContain(": OK");
    for (const address of names.addresses) expect(await verify("-verify_ip", address)).toContain(": OK");
    await expect(verify("-verify_hostname", "redis-b")).rejects.toThrow();
    await expect(verify("-verify_ip", "10.0.0.8")).rejects.toThrow();
    const other = await authorityCertificate("redis-ha-test CA", await newKey());
    await expect(openssl({ other, certificate }, "verify", "-CAfile", "other", "certificate")).rejects.toThrow();
  });

  it("of clients are taken for that and for no server", async () => {
    const client = await clientCertificate({ certificate: ca, key: caKey }, key);
    const verify = (purpose: string) =>
      openssl({ ca, client }, "verify", "-x509_strict", "-CAfile", "ca", "-purpose", purpose, "client");
    expect(await verify("sslclient")).toContain(": OK");
    await expect(verify("sslserver")).rejects.toThrow("unsuitable certificate purpose");
    const { subject, subjectAltName } = new X509Certificate(client);
    expect([subject, subjectAltName]).toEqual(["CN=client", undefined]);
  });

  it("have numbers of their own", async () => {
    const again = await nodeCertificate({ certificate: ca, key: caKey }, names, key);
    expect(new X509Certificate(again).serialNumber).not.toBe(new X509Certificate(certificate).serialNumber);
  });

  it("do not outlive their authority", async () => {
    const issuer = await opensslCertificate("short", ["basicConstraints=critical,CA:TRUE"]);
    const issued = new X509Certificate(await nodeCertificate(issuer, names, key));
    expect(issued.validTo).toBe(new X509Certificate(issuer.certificate).validTo);
  });
});

describe("the look at a node's files", () => {
  const subject = `subjectAltName=DNS:redis-a,DNS:localhost,IP:10.0.0.7,IP:127.0.0.1`;
  const authority = ["basicConstraints=critical,CA:TRUE"];
  const problems = (change: Partial<TlsSet>, now?: Date): string[] => tlsProblems({ ...own, ...change }, names, now);

  it("finds nothing wrong with what is made here", () => {
    expect(tlsProblems(own, names)).toEqual([]);
    expect(authorityProblems(ca, caKey)).toEqual([]);
  });

  it("finds nothing wrong with what others make: RSA, several authorities, certificates in between", async () => {
    const rsa = ["rsa:2048"];
    const root = await opensslCertificate("root", authority, undefined, rsa);
    const middle = await opensslCertificate("middle", authority, root, rsa);
    const leaf = await opensslCertificate("whoever", [subject], middle, rsa);
    const chained = {
      authority: `${ca}\n${root.certificate}`,
      certificate: `${leaf.certificate}${middle.certificate}`,
      key: leaf.key,
    };
    expect(tlsProblems(chained, names)).toEqual([]);
    expect(tlsProblems({ ...chained, certificate: leaf.certificate }, names)).toEqual([
      expect.stringContaining("no authority of the authority's file has signed the certificate"),
    ]);
    expect(tlsProblems({ ...chained, certificate: `${leaf.certificate}${ca}` }, names)).toHaveLength(1);
  });

  it("names files that hold something else", () => {
    expect(problems({ authority: "", certificate: "x", key: "y" })).toEqual([
      "the authority's file has no readable certificate; use PEM",
      "the certificate's file has no readable certificate; use PEM",
      "the key's file has no readable private key; use PEM, PKCS#8 for example",
    ]);
    const broken = certificate.replace(/\n[A-Za-z0-9+/]{10}/, "\nAAAAAAAAAA");
    expect(problems({ certificate: broken })).toEqual(["the certificate's file has no readable certificate; use PEM"]);
  });

  it("names a key that is encrypted", async () => {
    const encrypted = await openssl({ key }, "pkey", "-in", "key", "-aes256", "-passout", "pass:x");
    expect(problems({ key: encrypted })).toEqual([
      "the key is encrypted, and a server cannot ask; store it without a passphrase",
    ]);
  });

  it("names a key of another certificate, and shows nothing of it", async () => {
    const other = await newKey();
    const found = problems({ key: other });
    expect(found).toEqual(["the key is not the one of the certificate; use the key with which it was asked for"]);
    expect(authorityProblems(ca, other)).toEqual(["the key is not the one of the authority's certificate"]);
    for (const line of other.split("\n").slice(1, -2)) expect(found.join()).not.toContain(line);
  });

  it("names an authority that has not signed, also one of the same name", async () => {
    for (const name of ["redis-ha-test CA", "other"])
      expect(problems({ authority: await authorityCertificate(name, await newKey()) })).toEqual([
        expect.stringContaining("no authority of the authority's file has signed the certificate"),
      ]);
    // Without identifiers of their keys, only the signature tells them apart.
    const plain = ["subjectKeyIdentifier=none", "authorityKeyIdentifier=none"];
    const [one, other] = await Promise.all([1, 2].map(() => opensslCertificate("same", [...authority, ...plain])));
    const leaf = await opensslCertificate("leaf", [subject, ...plain], one);
    const signed = { certificate: leaf.certificate, key: leaf.key };
    expect(problems({ ...signed, authority: one?.certificate ?? "" })).toEqual([]);
    expect(problems({ ...signed, authority: other?.certificate ?? "" })).toHaveLength(1);
  });

  it("names an authority that is none", async () => {
    const server = await opensslCertificate("server", ["basicConstraints=CA:FALSE"]);
    const signed = await nodeCertificate(server, names, key);
    expect(problems({ authority: server.certificate, certificate: signed })).toEqual([
      "the authority's certificate is not one of an authority (CA:TRUE)",
    ]);
    expect(authorityProblems(server.certificate, server.key)).toHaveLength(1);
  });

  it("names dates that have passed or have not come, of the node's and of the authority's certificate", () => {
    expect(problems({}, daysFromNow(824))).toEqual([]);
    expect(problems({}, daysFromNow(826))).toEqual([expect.stringMatching(/^the certificate has expired on 20/)]);
    expect(problems({}, daysFromNow(3653))).toEqual([
      expect.stringMatching(/^the certificate has expired/),
      expect.stringMatching(/^the authority's certificate has expired/),
    ]);
    expect(problems({}, daysFromNow(-1))).toEqual([
      expect.stringMatching(/^the certificate is valid only from/),
      expect.stringMatching(/^the authority's certificate is valid only from/),
    ]);
    expect(authorityProblems(ca, caKey, daysFromNow(3653))).toHaveLength(1);
  });

  it("names what the certificate does not, and does not take the common name for it", async () => {
    const root = { certificate: ca, key: caKey };
    const short = await opensslCertificate("redis-a", ["subjectAltName=DNS:localhost,IP:127.0.0.1"], root);
    expect(problems({ certificate: short.certificate, key: short.key })).toEqual([
      "the certificate does not name redis-a; issue one that does",
      "the certificate does not name 10.0.0.7; issue one that does",
    ]);
    const common = await opensslCertificate("redis-a", ["basicConstraints=CA:FALSE"], root);
    expect(problems({ certificate: common.certificate, key: common.key })).toHaveLength(4);
  });

  it("names a purpose that is missing", async () => {
    const server = await opensslCertificate("a", [subject, "extendedKeyUsage=serverAuth"], {
      certificate: ca,
      key: caKey,
    });
    expect(problems({ certificate: server.certificate, key: server.key })).toEqual([
      "the certificate is not for clientAuth; nodes are servers and each other's clients: issue one for both",
    ]);
  });
});

it("a certificate is signed with the kinds of keys that clients know, and of another one nothing is said but its kind", async () => {
  const other = await opensslCertificate("other", ["basicConstraints=CA:TRUE"], undefined, ["ed25519"]);
  await expect(nodeCertificate(other, names, key)).rejects.toThrow(
    "has to be RSA, or ECDSA on P-256, P-384 or P-521; this one is ed25519",
  );
});
