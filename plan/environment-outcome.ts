import { zoneStackName } from "../stacks/stack-name.ts";
import { allEffects, type Effect, inOrder } from "./effects.ts";
import { type NodeOutcome, outcomeOf } from "./node-outcome.ts";
import { misfit, type SynthesizedStack } from "./same-synth.ts";
import { type SharedOutcome, sharedOutcome } from "./shared-outcome.ts";
import { type ResourceChange, type TerraformPlan, UnusablePlan } from "./terraform-plan.ts";

/** The plan of one stack. */
export interface StackPlan {
  readonly stack: string;
  readonly plan: TerraformPlan;
  /** Where it is from, for messages. */
  readonly source: string;
  readonly synthesized: SynthesizedStack;
}

/** What an apply of all stacks of an environment does. */
export interface EnvironmentOutcome {
  readonly environment: string;
  /** Of everything, each once. */
  readonly effects: readonly Effect[];
  /** By zone; those that leave it last. */
  readonly nodes: readonly NodeOutcome[];
  readonly shared: readonly SharedOutcome[];
}

/**
 * Puts the plans of an environment together. Pure.
 * @param plans those of all its stacks, in the order in which they are applied
 * @throws UnusablePlan for a plan of something else than what is synthesized now
 */
export function environmentOutcome(environment: string, plans: readonly StackPlan[]): EnvironmentOutcome {
  const nodes: NodeOutcome[] = [];
  const shared: SharedOutcome[] = [];
  for (const { stack, plan, source, synthesized } of plans) {
    const why = misfit(plan, synthesized);
    if (why !== undefined)
      throw new UnusablePlan(`${source}: not a plan of ${stack} as it is synthesized now (${why}); plan again`);
    const zone = zoneOf(environment, stack);
    if (zone === undefined) shared.push(sharedOutcome(stack, plan));
    else nodes.push(...nodesOf(zone, plan, synthesized));
  }
  const effects = inOrder([...nodes, ...shared].flatMap((each): readonly Effect[] => each.effects));
  return { environment, effects, nodes, shared };
}

function nodesOf(zone: string, plan: TerraformPlan, { specs }: SynthesizedStack): NodeOutcome[] {
  const byNode = new Map<string, ResourceChange[]>(specs.map(({ node }) => [node.name, []]));
  for (const change of plan.resource_changes) {
    if (change.mode !== "managed" || typeof change.index !== "string") continue;
    byNode.set(change.index, [...(byNode.get(change.index) ?? []), change]);
  }
  return [...byNode].map(([name, changes]) => outcomeOf(name, zone, changes));
}

/** Undefined for what is below the zones. */
function zoneOf(environment: string, stack: string): string | undefined {
  const prefix = zoneStackName(environment, "");
  return stack.startsWith(prefix) ? stack.slice(prefix.length) : undefined;
}

/** Which of the effects that were asked for there are. */
export const among = (asked: readonly Effect[], { effects }: Pick<EnvironmentOutcome, "effects">): Effect[] =>
  allEffects.filter((effect) => asked.includes(effect) && effects.includes(effect));
