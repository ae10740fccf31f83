import Table from "cli-table3";
import type { Effect, NodeEffect } from "../plan/effects.ts";
import { environmentOutcome } from "../plan/environment-outcome.ts";
import { UnusablePlan } from "../plan/terraform-plan.ts";
import { checkout } from "./choice.ts";
import { chooseEnvironment, readInventory, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";
import { planDocument, type PlanDocument, type PlannedNode, type PlannedShared } from "./plan-document.ts";
import { madePlans, plansIn } from "./plan-sources.ts";
import { synthesizeIfOld } from "./synthesize-if-old.ts";

export interface PlanOptions {
  readonly env?: string | undefined;
  readonly json: boolean;
  /** Folder with the plans. @default - they are made now */
  readonly plans?: string | undefined;
  readonly failOn: readonly Effect[];
}

/**
 * Says what an apply will do to each node.
 * @returns 1 when one of the effects that were asked for is among it, else 0
 * @throws UsageError for plans that say nothing reliable
 */
export function plan({ env, json, plans, failOn }: PlanOptions): number {
  const root = checkout();
  synthesizeIfOld(root);
  const chosen = chooseEnvironment(readInventory(root), env);
  try {
    const of = plans === undefined ? madePlans(chosen, root, progress) : plansIn(plans, chosen, root);
    const document = planDocument(environmentOutcome(chosen.environment, of), failOn);
    if (json) printJson(document);
    else print(planText(document));
    return document.failed.length === 0 ? 0 : 1;
  } catch (error) {
    // Apart from the exit code that says what a plan will do.
    throw error instanceof UnusablePlan ? new UsageError(error.message) : error;
  }
}

/** Who decides in the end. Also part of the help. */
export const lastWord =
  "This is what the plans say. The last word has each node's agent: at the apply it asks the cluster as it is then, waits or\n" +
  "stops before it takes away a node that the others cannot do without, and has a master hand its role over first.";

const inWords: Readonly<Record<NodeEffect, string>> = {
  live: "settings change while it runs",
  sentinel: "restart of its Sentinel",
  restart: "restart; as master, after a hand-over",
  add: "joins the cluster",
  replace: "leaves, and joins again",
  retire: "leaves for good",
  data: "LOSES ITS DATA",
};

const paint: Readonly<Record<NodeEffect, (text: string) => string>> = {
  live: colours.green,
  sentinel: colours.green,
  restart: colours.yellow,
  add: colours.green,
  replace: colours.yellow,
  retire: colours.red,
  data: colours.red,
};

/** A sentence, a table and the last word, for people. */
export function planText(document: PlanDocument): string {
  const { environment, nodes, shared, effects, failed } = document;
  const table = new Table({
    head: ["node", "zone", "what an apply does", "because"].map(colours.bold),
    style: { head: [], border: [], compact: true },
  });
  for (const node of nodes) table.push([node.name, node.zone, whatHappens(node), node.reasons.join("\n") || "-"]);
  const refused = failed.length === 0 ? [] : [colours.red(`--fail-on: ${failed.join(", ")}`)];
  return [
    `${environment}: ${effects.length === 0 ? colours.green("nothing to change") : summary(document)}`,
    table.toString(),
    ...shared.map(sharedText),
    ...refused,
    lastWord,
  ].join("\n");
}

/** The gravest first. What is graver than a change of settings or a restart includes that. */
function whatHappens({ effects, machine }: PlannedNode): string {
  const lesser = new Set<NodeEffect>(["live", "sentinel"]);
  const gravest = effects.filter((effect, index) => !lesser.has(effect) || effects.length === index + 1).reverse();
  if (gravest.length === 0) return "nothing";
  const onMachine = machine === "replaced" ? ", on another machine" : "";
  return gravest
    .map((effect) => paint[effect](`${inWords[effect]}${effect === "replace" ? onMachine : ""}`))
    .join("\n");
}

function summary({ nodes, shared }: PlanDocument): string {
  const touched = nodes.filter(({ effects }) => effects.length > 0).length;
  const below = shared.filter(({ effects }) => effects.length > 0).map(({ stack }) => stack);
  return [`${touched} of ${nodes.length} nodes change`, ...below.map((stack) => `${stack} changes`)].join(", ");
}

function sharedText({ stack, effects, created, changed, replaced, deleted, outputs }: PlannedShared): string {
  if (effects.length === 0) return `${stack}: nothing`;
  const counts = `${created} created, ${changed} changed, ${replaced.length} replaced, ${deleted.length} deleted`;
  const named = [
    ...replaced.map((address) => colours.yellow(`${address} is replaced`)),
    ...deleted.map((address) => colours.red(`${address} is deleted`)),
    ...(outputs.length === 0
      ? []
      : [colours.yellow(`${outputs.join(", ")} will have another value: the zones are planned with the present one`)]),
  ];
  return [`${stack}: ${counts}`, ...named].join("\n  ");
}
