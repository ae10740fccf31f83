import { inOrder, type SharedEffect } from "./effects.ts";
import { actionOf, type TerraformPlan } from "./terraform-plan.ts";

/** What an apply does to what the zones have in common. */
export interface SharedOutcome {
  readonly stack: string;
  readonly effects: readonly SharedEffect[];
  readonly created: number;
  readonly changed: number;
  /** Addresses. */
  readonly replaced: readonly string[];
  readonly deleted: readonly string[];
  /** Outputs that have another value afterwards. */
  readonly outputs: readonly string[];
}

/** Pure. */
export function sharedOutcome(stack: string, plan: TerraformPlan): SharedOutcome {
  const managed = plan.resource_changes.filter(({ mode }) => mode === "managed");
  const those = (action: ReturnType<typeof actionOf>): string[] =>
    managed.filter(({ change }) => actionOf(change) === action).map(({ address }) => address);
  const [created, changed] = [those("create").length, those("update").length];
  const [replaced, deleted] = [those("replace"), those("delete")];
  // A new one was never taken by a zone that is there.
  const outputs = Object.entries(plan.output_changes)
    .filter(([, change]) => ["update", "replace", "delete"].includes(actionOf(change)))
    .map(([name]) => name);
  const effects: SharedEffect[] = [];
  if (created + changed > 0) effects.push("shared");
  if (replaced.length + deleted.length > 0) effects.push("shared-delete");
  if (outputs.length > 0) effects.push("shared-outputs");
  return { stack, effects: inOrder(effects), created, changed, replaced, deleted, outputs };
}
