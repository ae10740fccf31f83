import { masterLast } from "../agent/operations.ts";
import { viewFrom } from "../cluster/look.ts";
import type { Hosts } from "./hosts.ts";

/**
 * Runs `redis-ha failover` on the master's host, where what is noted of a hand-over belongs.
 * @returns its document; undefined when it was refused there, which it has said
 */
export async function failoverOnHost<T>(hosts: Hosts, to: string | undefined): Promise<T | undefined> {
  const { master } = await viewFrom(hosts.chosen, hosts);
  // Where nobody is master, any host can say so.
  const node = master ?? hosts.nodes[0];
  if (!node) return undefined;
  const argv = ["failover", "--json", ...(to === undefined ? [] : ["--to", to])];
  return (await hosts.command<T>(node, argv)).json;
}

/**
 * Runs `redis-ha roll` for each node on its own host, the master's last.
 * @param nodes names @default - all
 * @returns what was done, in words; undefined when a node could not be restarted, which it has said
 */
export async function rollOnHosts(hosts: Hosts, nodes?: readonly string[]): Promise<string[] | undefined> {
  const done: string[] = [];
  const { master } = await viewFrom(hosts.chosen, hosts);
  for (const node of masterLast(hosts.nodes, master?.name)) {
    if (nodes && !nodes.includes(node.name)) continue;
    const { json } = await hosts.command<{ done: string[] }>(node, ["roll", node.name, "--json"]);
    if (!json) return undefined;
    done.push(...json.done);
  }
  return done;
}
