import { inFailover } from "../agent/role.ts";
import type { ConvergeResult } from "../agent/converge.ts";
import { redisEndpoint, sameEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { synthesizedSpec } from "../cluster/evidence.ts";
import { viewFrom } from "../cluster/look.ts";
import type { ClusterView, NodeView } from "../cluster/view.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { Hosts } from "./hosts.ts";
import { begin, shareOfHost } from "./steps.ts";

export interface ConvergeOnHosts {
  /** The checkout. */
  readonly root: string;
  /** Only the nodes of this zone; what all nodes must agree on is mended everywhere. */
  readonly zone: string | undefined;
  /** Terraform has just said that the nodes are there. */
  readonly afterApply: boolean;
  readonly report: (line: string) => void;
}

/**
 * Makes every node on a host what was applied last, as its host's root would: program, packages, units, and then the
 * node itself.
 */
export async function convergeOnHosts(hosts: Hosts, options: ConvergeOnHosts): Promise<ConvergeResult> {
  const { zone, report } = options;
  const { environment, inventory } = hosts.chosen;
  const problems: string[] = [];
  let changed = false;
  const attempt = async (work: () => Promise<boolean>): Promise<void> => {
    try {
      if (await work()) changed = true;
    } catch (error) {
      problems.push((error as Error).message);
      report((error as Error).message);
    }
  };
  for (const node of inventory.nodes) {
    if (zone !== undefined && node.zone !== zone) continue;
    const spec = options.afterApply ? synthesizedSpec(environment, node.name, options.root) : undefined;
    await attempt(async () => {
      const secrets = await shareOfHost(hosts.chosen, node, options.root);
      const { reach } = inventory;
      if (!spec || !reach) return hosts.again(node, "converge", { secrets });
      return begin(spec, reach, hosts.chosen, options.root, (bootstrap) =>
        hosts.again(node, "converge", { secrets, spec, bootstrap }),
      );
    });
  }
  for (const node of await withLeftovers(hosts).catch(() => [])) {
    const argv = ["converge", "--json", ...(zone === undefined ? [] : ["--zone", zone])];
    await attempt(async () => {
      const { json } = await hosts.command<ConvergeResult>(node, argv);
      if (!json) throw new Error(`${node.name}: not converged, see above`);
      problems.push(...json.problems);
      return json.changed;
    });
  }
  return { changed, problems };
}

/** The nodes that a look at a node alone does not mend: a Sentinel that counts who is gone, a replica of the wrong node. */
async function withLeftovers(hosts: Hosts): Promise<TopologyNode[]> {
  const view = await viewFrom(hosts.chosen, hosts);
  if (inFailover(view.nodes.flatMap(({ sentinel }) => sentinel ?? []))) return [];
  return view.nodes.filter((each) => countsGone(each, view) || followsAnother(each, view)).map(({ node }) => node);
}

function countsGone({ sentinel }: NodeView, { nodes }: ClusterView): boolean {
  const listed = (known: readonly Endpoint[], of: (node: TopologyNode) => Endpoint): boolean =>
    known.every((endpoint) => nodes.some(({ node }) => sameEndpoint(of(node), endpoint)));
  const state = sentinel?.state;
  return state !== undefined && !(listed(state.replicas, redisEndpoint) && listed(state.sentinels, sentinelEndpoint));
}

const followsAnother = ({ redis }: NodeView, { master }: ClusterView): boolean =>
  redis?.state?.role === "replica" && master !== undefined && !sameEndpoint(redis.state.master, redisEndpoint(master));
