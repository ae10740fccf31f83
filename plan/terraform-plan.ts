/** What is read of `terraform show -json FILE`: https://developer.hashicorp.com/terraform/internals/json-format */

export interface TerraformPlan {
  readonly resource_changes: readonly ResourceChange[];
  readonly output_changes: Readonly<Record<string, Change>>;
  readonly configuration: { readonly root_module?: { readonly resources?: readonly ConfiguredResource[] } };
}

export interface ResourceChange {
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  readonly name: string;
  /** The key of its `for_each`, which is the name of a node in the stack of a zone. */
  readonly index?: string | number;
  readonly change: Change;
  readonly action_reason?: string;
}

export interface Change {
  readonly actions: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
  readonly after_unknown?: unknown;
  /** Paths of the attributes for which it has to be replaced. */
  readonly replace_paths?: readonly (readonly (string | number)[])[];
}

export interface ConfiguredResource {
  readonly mode: "managed" | "data";
  readonly type: string;
  readonly name: string;
  /** By attribute. A block inside of a resource is an array. */
  readonly expressions?: Readonly<Record<string, { readonly constant_value?: unknown } | readonly unknown[]>>;
}

/** A plan that says nothing reliable about what an apply will do; the message says why. */
export class UnusablePlan extends Error {
  override name = "UnusablePlan";
}

/**
 * Reads a plan.
 * @param source where it is from, for messages
 * @throws UnusablePlan for what is no plan, and for one of which Terraform says itself that it is not whole
 */
export function parsePlan(json: string, source: string): TerraformPlan {
  let plan: (Partial<TerraformPlan> & { format_version?: string; errored?: boolean; complete?: boolean }) | null;
  try {
    plan = JSON.parse(json) as typeof plan;
  } catch (error) {
    throw new UnusablePlan(`${source}: not JSON (${(error as Error).message}); it is written by terraform show -json`);
  }
  // A state, which is shown by the same command, has no configuration.
  if (typeof plan !== "object" || !plan?.configuration || !plan.format_version)
    throw new UnusablePlan(`${source}: not a plan; it is written by terraform show -json of a saved plan`);
  if (!/^[01]\./.test(plan.format_version))
    throw new UnusablePlan(`${source}: a plan in the format ${plan.format_version}, which this version cannot read`);
  if (plan.errored) throw new UnusablePlan(`${source}: its plan has failed half-way; plan again`);
  if (plan.complete === false)
    throw new UnusablePlan(`${source}: a plan of a part (-target, or deferred changes); plan again, without that`);
  const { resource_changes = [], output_changes = {}, configuration } = plan;
  return { resource_changes, output_changes, configuration };
}

export type Action = "nothing" | "create" | "update" | "replace" | "delete";

/** In one word. Replaced is also what is created before it is deleted. */
export function actionOf(change: Change | undefined): Action {
  const actions = change?.actions ?? [];
  const [creates, deletes] = [actions.includes("create"), actions.includes("delete")];
  if (creates) return deletes ? "replace" : "create";
  if (deletes) return "delete";
  return actions.includes("update") ? "update" : "nothing";
}

/** An attribute of what a resource is before or after. */
export const attribute = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
