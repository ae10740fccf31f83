import type { Effect, NodeEffect, SharedEffect } from "../plan/effects.ts";
import { among, type EnvironmentOutcome } from "../plan/environment-outcome.ts";

/** What `redis-ha plan --json` prints: a contract, described in docs/json.md. Fields are added, never changed or removed. */
export interface PlanDocument {
  readonly version: 1;
  readonly environment: string;
  readonly effects: readonly Effect[];
  readonly failed: readonly Effect[];
  readonly nodes: readonly PlannedNode[];
  readonly shared: readonly PlannedShared[];
}

export interface PlannedNode {
  readonly name: string;
  readonly zone: string;
  readonly effects: readonly NodeEffect[];
  readonly reasons: readonly string[];
  readonly settings: readonly PlannedSetting[];
  readonly machine: "replaced" | "stopped" | null;
}

export interface PlannedSetting {
  readonly file: string;
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly effect: "live" | "sentinel" | "restart";
}

export interface PlannedShared {
  readonly stack: string;
  readonly effects: readonly SharedEffect[];
  readonly created: number;
  readonly changed: number;
  readonly replaced: readonly string[];
  readonly deleted: readonly string[];
  readonly outputs: readonly string[];
}

/** @param failOn the effects that were asked for */
export const planDocument = (outcome: EnvironmentOutcome, failOn: readonly Effect[]): PlanDocument => ({
  version: 1,
  ...outcome,
  failed: among(failOn, outcome),
});
