import type { RepairReport } from "../agent/repair/repair.ts";
import type { Hosts } from "./hosts.ts";

/** What one host mends may be what another has waited for. */
const MOST_ROUNDS = 3;

/**
 * Mends a cluster on hosts: each host starts what is not up, and mends its own node and what is everybody's; again, as
 * long as that helps.
 */
export async function repairOnHosts(hosts: Hosts, report: (line: string) => void): Promise<RepairReport> {
  const done: string[] = [];
  for (let round = 1; ; round++) {
    const first = done.length;
    const unreached: string[] = [];
    const left: string[] = [];
    const up: (typeof hosts.nodes)[number][] = [];
    for (const node of hosts.nodes) {
      try {
        if (await hosts.again(node, "up")) done.push(`${node.name}: what its host lacked was brought`);
        up.push(node);
      } catch (error) {
        unreached.push((error as Error).message);
      }
    }
    for (const node of up) {
      const { json } = await hosts
        .command<RepairReport>(node, ["repair", "--json"])
        .catch((error: Error) => ({ json: { done: [], left: [error.message] } }));
      done.push(...(json?.done ?? []));
      left.push(...(json?.left ?? [`${node.name}: not repaired, see above`]));
    }
    if (done.length === first || round === MOST_ROUNDS) {
      for (const line of unreached) report(line);
      return { done, left: [...new Set([...unreached, ...left])] };
    }
  }
}
