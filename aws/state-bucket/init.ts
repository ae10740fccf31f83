import type { StateBucketPlace } from "../../topology/inventory.ts";
import { Bucket, callerFor } from "./bucket.ts";
import { properties, type PropertyId } from "./properties.ts";
import type { Finding, Look } from "./property.ts";

export interface PropertyResult {
  readonly id: PropertyId;
  readonly result: "changed" | "unchanged" | "kept" | "problem";
  /** What it is now; of a problem, what to do. */
  readonly message: string;
}

/**
 * Makes the bucket for Terraform's state, or adds what it lacks; what somebody set otherwise stays. Everything is looked at before
 * the first change, and can be done again after any end.
 * @param report told of each property as soon as it is what it should be
 * @returns the account of the bucket, and all that was reported
 * @throws with what to do about it; before anything is changed, when the account or the region is not the right one
 */
export async function initStateBucket(
  place: StateBucketPlace,
  report: (result: PropertyResult) => void,
): Promise<{ accountId: string; results: PropertyResult[] }> {
  const caller = await callerFor(place);
  if (place.accountId !== undefined && place.accountId !== caller.accountId)
    throw new Error(
      `${place.bucket}: these credentials are for the account ${caller.accountId}, and the environment is in ${place.accountId} (target.accountId); ` +
        `log in to that one, or set AWS_PROFILE. Nothing was changed`,
    );
  const bucket = await Bucket.open(place.bucket, place.region, caller);
  const results: PropertyResult[] = [];
  const tell = (id: PropertyId, result: PropertyResult["result"], message: string): void => {
    results.push({ id, result, message });
    report({ id, result, message });
  };

  const there = await bucket.exists();
  if (!there) await bucket.create();
  tell("bucket", there ? "unchanged" : "changed", `in ${place.region}, of the account ${caller.accountId}`);
  const findings: [PropertyId, Finding][] = [];
  for (const [id, look] of Object.entries<Look>(properties))
    findings.push([id as PropertyId, await look(bucket, place)]);

  for (const [id, finding] of findings) {
    if (finding.result === "missing") await finding.add();
    tell(id, finding.result === "missing" ? "changed" : finding.result, finding.message);
  }
  return { accountId: caller.accountId, results };
}
