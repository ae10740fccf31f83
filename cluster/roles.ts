import { isData, type TopologyNode } from "../topology/topology.ts";
import type { Hosts } from "../remote/hosts.ts";
import type { Described } from "../remote/request.ts";
import { viewFrom } from "./look.ts";
import { type ClusterView, summary } from "./view.ts";
import { within } from "./within.ts";

/** Who is master and who is replica at this moment. Each data node is in exactly one of the three. */
export interface Roles {
  /** Named by a quorum of Sentinels, and master by its own account: at most one. */
  readonly master: readonly TopologyNode[];
  /** Replicas by their own account. */
  readonly replicas: readonly TopologyNode[];
  /** They do not answer, or say something else than the Sentinels. */
  readonly unknown: readonly TopologyNode[];
}

/** The roles in a view. Pure. */
export function rolesOf({ master, nodes }: ClusterView): Roles {
  const found = { master: [] as TopologyNode[], replicas: [] as TopologyNode[], unknown: [] as TopologyNode[] };
  for (const { node, redis } of nodes) {
    if (node.kind === "witness") continue;
    const named = node.name === master?.name;
    const role = redis?.state?.role;
    if (role === "master" && named) found.master.push(node);
    else if (role === "replica" && !named) found.replicas.push(node);
    else found.unknown.push(node);
  }
  return found;
}

/** Until a host has let us in by ssh, in milliseconds; one that takes longer is given up. */
const REACH_TIMEOUT_MS = 2000;
/** Until it has then asked all servers, in milliseconds: its program starts, and a silent server costs it a second. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Asks for the roles, wherever the nodes are. Where nobody answers, that is known after about two seconds.
 * @returns the roles, and how the cluster is, in half a sentence
 */
export async function askRoles(chosen: Described, hosts: Hosts | undefined): Promise<{ roles: Roles; state: string }> {
  try {
    if (hosts) await within(REACH_TIMEOUT_MS, hosts.reached(), "no host could be asked within 2 s");
    const view = await within(ANSWER_TIMEOUT_MS, viewFrom(chosen, hosts), "no answer within 5 s");
    return { roles: rolesOf(view), state: summary(view) };
  } catch (error) {
    const unknown = chosen.inventory.nodes.filter(isData);
    // The reasons of the hosts stand one below the other.
    const state = (error as Error).message.replace(/\n- /g, " ");
    return { roles: { master: [], replicas: [], unknown }, state };
  }
}
