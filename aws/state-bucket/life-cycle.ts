import { isDeepStrictEqual } from "node:util";
import type { LifecycleRule } from "@aws-sdk/client-s3";

/** Rules of a bucket's life cycle; pure. */

/** How long a former state can be had back, how many of each are kept whatever their age, and how long a broken upload lies there. */
export const KEPT = { formerDays: 90, formerVersions: 10, unfinishedDays: 7 };

/** Each lock of a state leaves a version, too, so there are more than one thinks. */
export const formerVersionsRule: LifecycleRule = {
  ID: "former-versions",
  Status: "Enabled",
  Filter: { Prefix: "" },
  NoncurrentVersionExpiration: { NoncurrentDays: KEPT.formerDays, NewerNoncurrentVersions: KEPT.formerVersions },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: KEPT.unfinishedDays },
};

/** Whether that is the only rule, with our days: what else it says has more than one form. */
export function isOurs(rules: readonly LifecycleRule[]): boolean {
  const daysOf = ({
    ID,
    Status,
    NoncurrentVersionExpiration: former,
    AbortIncompleteMultipartUpload,
  }: LifecycleRule) => [ID, Status, former?.NoncurrentDays, AbortIncompleteMultipartUpload?.DaysAfterInitiation];
  return isDeepStrictEqual(rules.map(daysOf), [daysOf(formerVersionsRule)]);
}

/** What somebody's rule does to a state that is in use and was not changed for a while; undefined when nothing. @param keys what the keys of states begin with */
export function harmOf(rule: LifecycleRule, keys: string): string | undefined {
  const { Status, Filter: filter, Expiration: ends, Transitions: moves = [] } = rule;
  // No state has a tag.
  if (Status !== "Enabled" || filter?.Tag || filter?.And?.Tags?.length) return undefined;
  const prefix = filter?.Prefix ?? filter?.And?.Prefix ?? rule.Prefix ?? "";
  if (!keys.startsWith(prefix) && !prefix.startsWith(keys)) return undefined;
  if (ends?.Days !== undefined || ends?.Date !== undefined) return "deletes";
  // From there, nothing can be read at once.
  return moves.some(({ StorageClass }) => ["GLACIER", "DEEP_ARCHIVE"].includes(StorageClass ?? ""))
    ? "archives"
    : undefined;
}
