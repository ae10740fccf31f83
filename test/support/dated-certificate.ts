import { X509Certificate } from "node:crypto";
import { expect, vi } from "vitest";
import type { NodeNames } from "../../secrets/certificates.ts";
import { nodeCertificate } from "../../secrets/x509.ts";

/** For how long the project's own certificates of nodes are valid. */
const NODE_DAYS = 825;
const DAY_MS = 86_400_000;

/** Makes a certificate as if today were another day. */
export async function atDate(daysFromNow: number, make: () => Promise<string>): Promise<string> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + daysFromNow * DAY_MS });
  try {
    return await make();
  } finally {
    vi.useRealTimers();
  }
}

/** A node's certificate as the project makes it, made so long ago that it has expired yesterday. */
export async function expiredCertificate(
  authority: Parameters<typeof nodeCertificate>[0],
  names: NodeNames,
  key: string,
): Promise<string> {
  const certificate = await atDate(-1 - NODE_DAYS, () => nodeCertificate(authority, names, key));
  expect(Math.abs(Date.parse(new X509Certificate(certificate).validTo) - (Date.now() - DAY_MS))).toBeLessThan(3000);
  return certificate;
}
