import { daysUntil, LEAST_DAYS } from "../secrets/certificates.ts";
import { colours } from "./output.ts";

/** A certificate with fewer days left stands out. */
const SOON_DAYS = 60;

export const counted = (days: number): string => `${days} day${days === 1 ? "" : "s"}`;

/**
 * When a certificate expires: in yellow when that is soon, in red when `verify` fails for it.
 * @param expires ISO 8601
 * @param daysLeft whether they are added always, or only when it is soon
 */
export function expiry(now: Date, expires: string, daysLeft: "always" | "only-soon" = "always"): string {
  const days = daysUntil(expires, now);
  const date = expires.slice(0, 10);
  if (days < 0) return colours.red(`${date}, expired`);
  if (days >= SOON_DAYS) return daysLeft === "always" ? `${date}, in ${counted(days)}` : date;
  return (days < LEAST_DAYS ? colours.red : colours.yellow)(`${date}, in ${counted(days)}`);
}
