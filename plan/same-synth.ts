import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { NodeSpec } from "../topology/node-spec.ts";
import { triggersOf } from "./node-outcome.ts";
import { actionOf, type ResourceChange, type TerraformPlan } from "./terraform-plan.ts";

/** A stack as it is synthesized now. */
export interface SynthesizedStack {
  /** What is read of its cdk.tf.json. */
  readonly document: { readonly resource?: Readonly<Record<string, Readonly<Record<string, object>>>> };
  /** Those of its nodes. */
  readonly specs: readonly NodeSpec[];
}

/**
 * Looks whether a plan is one of this stack as it is now: not of another one or another environment, and not of an earlier synth,
 * both of which a folder of plans can still hold. Pure.
 * @returns what does not fit; undefined when it is such a plan
 */
export function misfit(plan: TerraformPlan, { document, specs }: SynthesizedStack): string | undefined {
  return configurationMisfit(plan, document) ?? nodesMisfit(plan, specs);
}

/** By the attributes that Terraform repeats in a plan as they were written. Blocks inside of a resource are not compared. */
function configurationMisfit(plan: TerraformPlan, document: SynthesizedStack["document"]): string | undefined {
  const managed = (plan.configuration.root_module?.resources ?? []).filter(({ mode }) => mode === "managed");
  const planned = new Map(managed.map((resource) => [`${resource.type}.${resource.name}`, resource]));
  const written = Object.entries(document.resource ?? {}).flatMap(([type, named]) =>
    Object.entries(named).map(([name, block]) => [`${type}.${name}`, block] as const),
  );
  for (const [address, block] of written) {
    const resource = planned.get(address);
    if (!resource) return `it does not have ${address}`;
    planned.delete(address);
    for (const [attribute, value] of Object.entries(block)) {
      const expression = resource.expressions?.[attribute];
      if (!expression || !("constant_value" in expression)) continue;
      if (!isDeepStrictEqual(expression.constant_value, value)) return `${address}: another ${attribute}`;
    }
  }
  const [more] = planned.keys();
  return more === undefined ? undefined : `it has ${more}`;
}

function nodesMisfit(plan: TerraformPlan, specs: readonly NodeSpec[]): string | undefined {
  const configurations = plan.resource_changes.filter(
    ({ mode, name }) => mode === "managed" && name === "configuration",
  );
  for (const spec of specs) {
    const { name } = spec.node;
    const found = configurations.find(({ index }) => index === name);
    if (!found) return `it says nothing about ${name}`;
    const other = triggersMisfit(found, spec);
    if (other !== undefined) return `${name}: another ${other}`;
  }
  const unknown = configurations.find(
    ({ index, change }) => actionOf(change) !== "delete" && !specs.some(({ node }) => node.name === index),
  );
  return unknown && `it has ${String(unknown.index)}`;
}

/** The same triggers as in `NodeConfiguration`. What is not known before the apply fits. */
function triggersMisfit({ change }: ResourceChange, { files, ...told }: NodeSpec): string | undefined {
  const triggers = triggersOf(change.after);
  if (!triggers) return undefined;
  const node = triggers["node"];
  if (typeof node === "string" && !isDeepStrictEqual(JSON.parse(node), told)) return "description of the node";
  return Object.entries(files).find(([name, text]) => {
    const wanted = name.endsWith(".service") ? createHash("sha256").update(text).digest("hex") : text;
    return triggers[name] !== undefined && triggers[name] !== wanted;
  })?.[0];
}
