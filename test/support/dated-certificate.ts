import { X509Certificate } from "node:crypto";
import { expect, vi } from "vitest";
import type { NodeNames } from "../../secrets/certificates.ts";
import { nodeCertificate } from "../../secrets/x509.ts";

/** For how long the project's own certificates of nodes are valid. */
const NODE_DAYS = 825;
const DAY_MS = 86_400_000;

/** A node's certificate as the project makes it, made so long ago that it has expired yesterday. */
export async function expiredCertificate(
  authority: Parameters<typeof nodeCertificate>[0],
  names: NodeNames,
  key: string,
): Promise<string> {
  const expired = Date.now() - DAY_MS;
  vi.useFakeTimers({ toFake: ["Date"], now: expired - NODE_DAYS * DAY_MS });
  try {
    const certificate = await nodeCertificate(authority, names, key);
    expect(Math.abs(Date.parse(new X509Certificate(certificate).validTo) - expired)).toBeLessThan(2000);
    return certificate;
  } finally {
    vi.useRealTimers();
  }
}
