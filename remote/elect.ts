import type { DataEvidence } from "../agent/repair/data-evidence.ts";
import { refuseIfDecided } from "../agent/repair/elect.ts";
import type { RepairReport } from "../agent/repair/repair.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { Hosts } from "./hosts.ts";
import { repairOnHosts } from "./repair.ts";

export interface ElectEvidence {
  readonly nodes: DataEvidence[];
  /** The master that is not in doubt. */
  readonly master: string | undefined;
}

/** What there is to decide by: of each node what its own host knows, of one whose host is silent what the others see. */
export async function electEvidenceOnHosts(hosts: Hosts): Promise<ElectEvidence> {
  const answers = await hosts.all<ElectEvidence>(({ name }) => ({ want: "elect", part: "evidence", node: name }));
  const known = [...answers].flatMap(([name, answer]) => (answer instanceof Error ? [] : [{ name, ...answer }]));
  const [any] = known;
  if (!any) throw [...answers.values()].find((answer) => answer instanceof Error) ?? new Error("there are no hosts");
  const ownWord = (node: string): DataEvidence | undefined =>
    known.find(({ name }) => name === node)?.nodes.find((each) => each.node === node);
  // One host may be cut off from the others, and see no master where there is one.
  const master = known.find((each) => each.master !== undefined)?.master;
  return { nodes: any.nodes.map((each) => ownWord(each.node) ?? each), master };
}

/**
 * Makes a node master because the operator says so.
 * @throws when it must not be, or when its host cannot be reached
 */
export async function electOnHosts(
  hosts: Hosts,
  chosen: string,
  report: (line: string) => void,
): Promise<RepairReport> {
  const { nodes, master } = await electEvidenceOnHosts(hosts);
  refuseIfDecided(master, chosen);
  if (nodes.find(({ node }) => node === chosen)?.hasData === false) {
    throw new Error(`${chosen} has no data: as master it would make every other node empty too`);
  }
  const done: string[] = [];
  const part = async (node: TopologyNode, name: "yield" | "promote" | "follow"): Promise<void> => {
    done.push(...(await hosts.ask<string[]>(node, { want: "elect", part: name, node: chosen })));
  };
  const others = hosts.nodes.filter(({ name }) => name !== chosen);
  const own = hosts.nodes.filter(({ name }) => name === chosen);
  // A host that is silent now finds a master when it comes back, and follows it.
  const tolerant = (work: Promise<void>): Promise<void> => work.catch((error: Error) => report(error.message));
  for (const node of others) await tolerant(part(node, "yield"));
  for (const node of own) await part(node, "promote");
  for (const node of others) await tolerant(part(node, "follow"));
  const { done: mended, left } = await repairOnHosts(hosts, report);
  return { done: [...done, ...mended], left };
}
