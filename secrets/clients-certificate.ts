import type { Described } from "../remote/request.ts";
import { authorityFile } from "./authorities.ts";
import { certificateIn, daysUntil, firstToExpire, LEAST_DAYS } from "./certificates.ts";
import { clientFile } from "./issued.ts";
import { openStore } from "./open-store.ts";

/**
 * Whether clients have something to show for two weeks and more. Makes nothing.
 * @param root the checkout
 * @returns what is wrong, in words
 */
export async function clientsCertificate(described: Described, root: string): Promise<string | undefined> {
  const store = await openStore(described, root);
  const [certificate, authority = ""] = [await store.read(clientFile), await store.read(authorityFile)];
  if (certificate === undefined) return `${store.describe()} has no ${clientFile}`;
  if (!certificateIn(certificate)) return `${store.describe()}: ${clientFile} cannot be read as a certificate`;
  const { validTo } = firstToExpire({ authority, certificate });
  const days = daysUntil(validTo);
  if (days >= LEAST_DAYS) return undefined;
  return `${clientFile}, which clients show, ${days < 0 ? "has expired" : "expires"} on ${validTo}`;
}
