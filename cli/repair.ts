import { repair as repairCluster } from "../agent/repair/repair.ts";
import type { Hosts } from "../remote/hosts.ts";
import { repairOnHosts } from "../remote/repair.ts";
import type { Chosen } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha repair --json` prints: a contract, described in docs/json.md. */
export interface RepairDocument {
  readonly version: 1;
  readonly environment: string;
  readonly done: readonly string[];
  readonly left: readonly string[];
}

/** @returns 0 when nothing is left to be mended */
export async function repair(
  { environment, inventory }: Chosen,
  { root, hosts, json }: { root: string; hosts?: Hosts | undefined; json: boolean },
): Promise<number> {
  const { done, left } = hosts
    ? await repairOnHosts(hosts, progress)
    : await repairCluster({ environment, inventory, root, report: progress });
  const document: RepairDocument = { version: 1, environment, done, left };
  if (json) printJson(document);
  else print(repairText(document));
  return left.length === 0 ? 0 : 1;
}

export function repairText({ environment, done, left }: Pick<RepairDocument, "environment" | "done" | "left">): string {
  if (left.length > 0) {
    return [
      ...left.map((line) => `- ${line}`),
      colours.red(`${environment}: not repaired`),
      `What it looks like now: npx redis-ha verify --env ${environment}`,
    ].join("\n");
  }
  return colours.green(`${environment}: ${done.length > 0 ? "repaired" : "nothing to repair"}`);
}
