import { setTimeout as delay } from "node:timers/promises";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { expectationOf, gatherEvidence } from "./evidence.ts";
import { checks, type Finding, holds } from "./verify.ts";

export interface LookOptions {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** The checkout. */
  readonly root: string;
  /** Look again until everything holds, at most this long. @default 0, one look */
  readonly waitMs?: number;
  /** Told what does not hold yet, before it is looked at again. */
  readonly onWaiting?: (open: readonly Finding[]) => void;
}

/** Often enough to feel immediate; each look costs every server a CONFIG REWRITE. */
const LOOK_AGAIN_MS = 500;

/**
 * Cross-checks every node and Sentinel, as `redis-ha verify` does.
 * @throws when a synthesized spec is missing or not readable
 */
export async function lookAt({
  environment,
  inventory,
  root,
  waitMs = 0,
  onWaiting = () => undefined,
}: LookOptions): Promise<Finding[]> {
  const end = performance.now() + waitMs;
  const look = async (): Promise<Finding[]> => {
    const expectation = expectationOf(environment, inventory, root);
    return checks(await gatherEvidence(environment, inventory, root), expectation);
  };
  let findings = await look();
  while (!holds(findings) && performance.now() < end) {
    onWaiting(findings.filter((each) => !each.holds));
    await delay(Math.min(LOOK_AGAIN_MS, Math.max(0, end - performance.now())));
    findings = await look();
  }
  return findings;
}
