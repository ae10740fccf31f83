import type { LifecycleRule } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { formerVersionsRule, harmOf, isOurs } from "../../../aws/state-bucket/life-cycle.ts";

const keys = "redis-ha/prod/";
const rule = (more: Partial<LifecycleRule>): LifecycleRule => ({
  Status: "Enabled",
  Expiration: { Days: 30 },
  ...more,
});

describe("a rule of a bucket's life cycle", () => {
  it.each<[string, LifecycleRule, string]>([
    ["all", rule({}), "deletes"],
    ["all, with an empty filter", rule({ Filter: {} }), "deletes"],
    ["all from a day on", rule({ Expiration: { Date: new Date(0) } }), "deletes"],
    ["those of the project", rule({ Filter: { Prefix: "redis-ha/" } }), "deletes"],
    ["one zone's", rule({ Filter: { And: { Prefix: "redis-ha/prod/prod-zone-a", Tags: [] } } }), "deletes"],
    ["all, with the prefix in its older place", rule({ Prefix: "redis" }), "deletes"],
    [
      "all, to where it cannot be read",
      rule({ Expiration: {}, Transitions: [{ StorageClass: "GLACIER" }] }),
      "archives",
    ],
  ])("harms states: %s", (_, harmful, harm) => {
    expect(harmOf(harmful, keys)).toBe(harm);
  });

  it.each<[string, LifecycleRule]>([
    ["ours", formerVersionsRule],
    ["one that is off", rule({ Status: "Disabled" })],
    ["for another environment", rule({ Filter: { Prefix: "redis-ha/staging/" } })],
    ["for what has a tag", rule({ Filter: { Tag: { Key: "temporary", Value: "yes" } } })],
    ["for what has a tag, too", rule({ Filter: { And: { Prefix: "", Tags: [{ Key: "a", Value: "b" }] } } })],
    ["for markers of deletion", rule({ Expiration: { ExpiredObjectDeleteMarker: true } })],
    ["for former versions", rule({ Expiration: {}, NoncurrentVersionExpiration: { NoncurrentDays: 1 } })],
    ["to where it can be read", rule({ Expiration: {}, Transitions: [{ StorageClass: "STANDARD_IA" }] })],
  ])("harms none: %s", (_, harmless) => {
    expect(harmOf(harmless, keys)).toBeUndefined();
  });

  it("is ours when it is the only one, with our limits, however its filter is written", () => {
    expect(isOurs([{ ...formerVersionsRule, Filter: {} }])).toBe(true);
    expect(isOurs([])).toBe(false);
    expect(isOurs([formerVersionsRule, rule({})])).toBe(false);
    expect(isOurs([{ ...formerVersionsRule, NoncurrentVersionExpiration: { NoncurrentDays: 9 } }])).toBe(false);
    expect(isOurs([{ ...formerVersionsRule, Status: "Disabled" }])).toBe(false);
  });
});
