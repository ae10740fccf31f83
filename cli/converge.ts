import { convergeEnvironment, type ConvergeResult } from "../agent/converge.ts";
import { convergeOnHosts, type ConvergeOnHosts } from "../remote/converge.ts";
import type { Hosts } from "../remote/hosts.ts";
import { zoneStackName } from "../stacks/stack-name.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha converge --json` prints: a contract, described in docs/json.md. */
export interface ConvergeDocument {
  readonly version: 1;
  readonly environment: string;
  readonly zone: string | null;
  readonly changed: boolean;
  readonly problems: readonly string[];
}

/** @returns 0 when every node is what it was last told to be, else 1 */
export async function converge(
  { environment, inventory }: Chosen,
  options: { root: string; hosts?: Hosts | undefined; json: boolean; zone?: string | undefined; afterApply: boolean },
): Promise<number> {
  const { root, hosts, json, zone, afterApply } = options;
  const zones = [...new Set(inventory.nodes.map((node) => node.zone))];
  // An emptied zone still has its stack, and so its after-hook: there is nothing to do, which is not a mistake.
  const emptied = zone !== undefined && inventory.stacks.includes(zoneStackName(environment, zone));
  if (zone !== undefined && !zones.includes(zone) && !emptied) {
    throw new UsageError(`${environment} has no zone "${zone}"; it has: ${zones.join(", ")}`);
  }
  const how = { root, zone, afterApply, report: progress };
  const { changed, problems } = await convergeNodes({ environment, inventory }, hosts, how);
  const document: ConvergeDocument = { version: 1, environment, zone: zone ?? null, changed, problems };
  if (json) printJson(document);
  else print(convergeText(document));
  return problems.length === 0 ? 0 : 1;
}

/** The nodes of an environment, wherever they are. */
export const convergeNodes = (
  { environment, inventory }: Chosen,
  hosts: Hosts | undefined,
  how: ConvergeOnHosts,
): Promise<ConvergeResult> =>
  hosts ? convergeOnHosts(hosts, how) : convergeEnvironment({ environment, inventory, ...how });

function convergeText({ environment, zone, changed, problems }: ConvergeDocument): string {
  const what = zone === null ? environment : `${environment}, zone ${zone}`;
  if (problems.length > 0) {
    return [...problems.map((problem) => `- ${problem}`), colours.red(`${what}: not converged`)].join("\n");
  }
  return colours.green(`${what}: ${changed ? "converged" : "nothing to change"}`);
}
