import type { TopologyNode } from "../topology/topology.ts";
import type { ClusterView } from "./view.ts";

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
