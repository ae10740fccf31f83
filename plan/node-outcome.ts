import { type Action, actionOf, attribute, type ResourceChange } from "./terraform-plan.ts";
import { inOrder, type NodeEffect } from "./effects.ts";
import { settingChanges, type SettingChange, type Triggers } from "./setting-changes.ts";

/** What an apply does to one node. */
export interface NodeOutcome {
  readonly name: string;
  readonly zone: string;
  /** From the least to the gravest; none: nothing happens to it. */
  readonly effects: readonly NodeEffect[];
  /** Why, for people. */
  readonly reasons: readonly string[];
  readonly settings: readonly SettingChange[];
  /** What happens to its machine; null: nothing that the node would notice, or it has none that Terraform makes. */
  readonly machine: "replaced" | "stopped" | null;
}

/**
 * What the plan of a zone does to one of its nodes. Pure.
 * @param changes those of all resources that belong to the node
 */
export function outcomeOf(name: string, zone: string, changes: readonly ResourceChange[]): NodeOutcome {
  const of = (wanted: string): ResourceChange | undefined =>
    changes.find(({ type, name: own }) => wanted === `${type}.${own}` || wanted === own);
  const parts: Parts = {
    membership: of("membership"),
    configuration: of("configuration"),
    machine: of("aws_instance.machine"),
    volume: of("aws_ebs_volume.data"),
    attachment: of("aws_volume_attachment.data"),
  };
  const membership = actionOf(parts.membership?.change);
  const known = Object.values(parts) as unknown[];
  const others = changes.filter((change) => !known.includes(change));
  const stays = membership === "nothing" || membership === "update";
  const machine = membership === "create" || membership === "delete" ? undefined : machineOf(parts);
  const configured = stays ? configurationOf(parts.configuration) : { effects: [], reasons: [], settings: [] };
  const data = dataOf(parts);
  const rest = stays ? othersOf([...others, ...(machine ? [] : inPlace(parts.machine)), ...inPlace(parts.volume)]) : [];

  const effects: NodeEffect[] = [
    ...membershipEffect(membership),
    ...(machine ? (["replace"] as const) : []),
    ...configured.effects,
    ...(rest.length > 0 ? (["live"] as const) : []),
    ...(data === undefined ? [] : (["data"] as const)),
  ];
  return {
    name,
    zone,
    effects: inOrder(effects),
    reasons: [
      ...(data === undefined ? [] : [data]),
      ...(machine ? [machine.reason] : []),
      ...(membership === "replace" ? membershipReasons(parts.membership, machine !== undefined) : []),
      ...configured.reasons,
      ...rest,
    ],
    settings: configured.settings,
    machine: machine?.happens ?? null,
  };
}

type Part = ResourceChange | undefined;
interface Parts {
  readonly membership: Part;
  readonly configuration: Part;
  readonly machine: Part;
  readonly volume: Part;
  readonly attachment: Part;
}

const membershipEffect = (action: Action): NodeEffect[] =>
  action === "create" ? ["add"] : action === "replace" ? ["replace"] : action === "delete" ? ["retire"] : [];

/** Undefined where the servers on it notice nothing. */
function machineOf({ machine, attachment }: Parts): { happens: "replaced" | "stopped"; reason: string } | undefined {
  const action = actionOf(machine?.change);
  if (action === "create") return { happens: "replaced", reason: "its machine is gone; another one is made" };
  if (action === "replace" || action === "delete")
    return { happens: "replaced", reason: `another machine (${causeOf(machine) || "asked for"})` };
  const [before, after] = [machine?.change.before, machine?.change.after].map((it) => attribute(it, "instance_type"));
  if (action === "update" && before !== after)
    return {
      happens: "stopped",
      reason: `its machine is stopped: instance_type ${String(before)} -> ${String(after)}`,
    };
  // AWS detaches a volume of a machine that is stopped.
  if (["replace", "delete"].includes(actionOf(attachment?.change)))
    return { happens: "stopped", reason: "its machine is stopped: its data volume is attached anew" };
  return undefined;
}

/** Why its data is lost; undefined where it is kept. */
function dataOf({ volume, membership }: Parts): string | undefined {
  const action = actionOf(volume?.change);
  const before = volume?.change.before;
  if (action === "delete" || action === "replace") {
    const snapshot = attribute(before, "final_snapshot") === true ? ", after a last snapshot of it" : "";
    const cause = action === "replace" ? ` (${causeOf(volume) || "asked for"})` : "";
    return `its data volume ${String(attribute(before, "id"))} is deleted${snapshot}${cause}`;
  }
  // One that had data has no volume any more; a witness had none, and what is only just added neither.
  const had = attribute(attribute(membership?.change.before, "triggers_replace"), "kind") === "data";
  return action === "create" && had ? "its data volume is gone; an empty one is made" : undefined;
}

interface Configured {
  readonly effects: readonly NodeEffect[];
  readonly reasons: readonly string[];
  readonly settings: readonly SettingChange[];
}

/** What changes for a node that stays. */
function configurationOf(configuration: Part): Configured {
  const action = actionOf(configuration?.change);
  if (action === "nothing" || !configuration) return { effects: [], reasons: [], settings: [] };
  const [before, after] = [triggersOf(configuration.change.before), triggersOf(configuration.change.after)];
  // Installed, and never brought to its end.
  if (action === "create")
    return { effects: ["add"], reasons: ["it is installed, and was never applied"], settings: [] };
  if (action === "delete") return { effects: ["retire"], reasons: [], settings: [] };
  const again = configuration.action_reason === "replace_because_tainted";
  // What the last apply had not done yet is not known here.
  const failed = again ? ["the last apply of it failed; what is left of that is done"] : [];
  if (!before || !after)
    return { effects: ["restart"], reasons: [...failed, "its settings are known at the apply only"], settings: [] };
  const settings = settingChanges(before, after);
  const effects = settings.map(({ effect }) => effect);
  const unseen = settings.length === 0 && !again ? ["nothing that its servers read"] : [];
  return {
    effects: [...effects, ...(again ? (["restart"] as const) : []), "live"],
    reasons: [...failed, ...settings.map(settingText), ...unseen],
    settings,
  };
}

/** Of a `null_resource` or a `terraform_data`; undefined while they are not known. */
export function triggersOf(value: unknown): Triggers | undefined {
  const triggers = attribute(value, "triggers") ?? attribute(value, "triggers_replace");
  return typeof triggers === "object" && triggers !== null ? (triggers as Triggers) : undefined;
}

/** A value that would take more than its line is left to the plan itself. */
const LONGEST = 40;

export function settingText({ file, key, before, after }: SettingChange): string {
  const name = file === key ? key : `${file === "node" ? "" : `${file}: `}${key}`;
  if (before === null && after === null) return name;
  if (after === null) return `${name} dropped`;
  if (`${before ?? ""}${after}`.length > 2 * LONGEST || after.includes("\n")) return `${name} changed`;
  return before === null ? `${name} ${after}, which is new` : `${name} ${before || '""'} -> ${after || '""'}`;
}

function membershipReasons(membership: Part, machineSaid: boolean): string[] {
  if (!membership) return [];
  if (membership.action_reason === "replace_because_tainted") return ["it was not installed to the end the last time"];
  const [before, after] = [triggersOf(membership.change.before) ?? {}, triggersOf(membership.change.after) ?? {}];
  const changed = Object.keys({ ...before, ...after })
    .filter((key) => !key.startsWith("machine") && before[key] !== after[key])
    .map((key) => `${key} ${word(before[key])} -> ${word(after[key])}`);
  if (changed.length > 0 || machineSaid) return changed;
  return [causeOf(membership) ? "its machine is another one" : "asked for"];
}

const word = (value: unknown): string =>
  value === undefined || value === null || value === ""
    ? "none"
    : typeof value === "string"
      ? value
      : JSON.stringify(value);

/** The attributes for which Terraform replaces it. */
const causeOf = (change: Part): string =>
  [...new Set((change?.change.replace_paths ?? []).map(([first]) => String(first)))].join(", ");

const inPlace = (change: Part): ResourceChange[] => (change && actionOf(change.change) === "update" ? [change] : []);

const verbs = { create: "created", update: "changed", replace: "replaced", delete: "deleted" } as const;

const othersOf = (changes: readonly ResourceChange[]): string[] =>
  changes.flatMap(({ type, name, change }) => {
    const action = actionOf(change);
    return action === "nothing" ? [] : [`${type}.${name} is ${verbs[action]}`];
  });
