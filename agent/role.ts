import type { RedisAnswer, SentinelAnswer } from "../cluster/answers.ts";
import { dataNodeAt, quorumMaster, redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** What runtime.conf, which redis-server rewrites at every change of role, says. */
export type PersistedRole = { kind: "none" } | { kind: "master" } | { kind: "replica"; of: Endpoint };

/** The role that runtime.conf records. redis-server writes a `replicaof` line for a replica and none for a master. */
export function persistedRole(runtimeConf: string | undefined): PersistedRole {
  if (runtimeConf === undefined) return { kind: "none" };
  const line = runtimeConf.match(/^(?:replicaof|slaveof)\s+"?([^\s"]+)"?\s+(\d+)\s*$/m);
  if (line?.[1] && line[2]) return { kind: "replica", of: { address: line[1], port: Number(line[2]) } };
  return { kind: "master" };
}

export interface RoleFacts {
  readonly spec: NodeSpec;
  readonly persisted: PersistedRole;
  /** The node once had data. */
  readonly initialised: boolean;
  /** There are data files now. */
  readonly hasData: boolean;
  /** No node of the group ever had data. */
  readonly groupIsNew: boolean;
  readonly sentinels: readonly SentinelAnswer[];
  /** What the other data nodes say. */
  readonly peers: readonly RedisAnswer[];
  /** This node was handing the master's role over when it, or whoever did it, died. */
  readonly handingOver?: {
    /** Unknown where Sentinel chooses. */
    readonly to?: string;
  };
  /** The operator chose this node as master (`redis-ha elect`), and it has not started since. */
  readonly elected?: boolean;
}

/** For when nobody can know whose data is the newest: a person has to say. */
export const HOW_TO_DECIDE = "npx redis-ha elect shows what each node has, and how to decide";

export type RoleDecision =
  | { role: "replica"; of: Endpoint; because: string }
  /** Fenced: accepts no writes until a quorum of Sentinels names this node. */
  | { role: "master"; fenced: boolean; because: string }
  /** Starting now could lose data; ask again later. */
  | { role: "wait"; because: string };

/**
 * In which role redis-server starts. The Sentinels' quorum decides when there is one; without it, the node stays what
 * it was, but a master takes no writes; an empty node is never master, except as the first of a new group.
 */
export function decideRole(facts: RoleFacts): RoleDecision {
  const { spec } = facts;
  const persisted = trusted(facts);
  const self = redisEndpoint(spec.node);
  const dataLost = facts.initialised && !facts.hasData;
  const named = quorumMaster(facts.sentinels, spec.quorum, allNodes(spec));

  if (facts.elected && facts.hasData)
    return { role: "master", fenced: true, because: "redis-ha elect chose this node" };
  const rival = rivalOf(facts);
  // A master that is another one than who took the role may have been away, and have less.
  if (rival && facts.handingOver && (facts.handingOver.to ?? rival.name) === rival.name) {
    return {
      role: "replica",
      of: redisEndpoint(rival),
      because: `its role was handed over, and ${rival.name} is master`,
    };
  }
  if (named && named.name !== spec.node.name) {
    return { role: "replica", of: redisEndpoint(named), because: `a quorum of Sentinels names ${named.name}` };
  }
  if (dataLost && (named || persisted.kind !== "replica")) {
    const known = masterByPeers(facts);
    if (!named && known && !sameEndpoint(known, self)) {
      return { role: "replica", of: known, because: "the data of this node is gone; another node is master" };
    }
    return {
      role: "wait",
      because:
        `the data of this node is gone, so it must not be master; waiting until the Sentinels name another node` +
        (named ? "" : `. Should that not come: ${HOW_TO_DECIDE}`),
    };
  }
  if (persisted.kind === "moved") return decideMoved(facts, persisted.of);
  if (persisted.kind === "replica") {
    const because = named ? "the Sentinels name this node, which was a replica: Sentinel decides" : "it was a replica";
    return { role: "replica", of: persisted.of, because };
  }
  // While they fail over, the Sentinels still name the old master: it must not take writes beside the new one.
  if (named && inFailover(facts.sentinels)) {
    return { role: "master", fenced: true, because: "the Sentinels name this node, but are failing it over" };
  }
  if (named && (rival || facts.handingOver)) {
    const why = rival ? `${rival.name} says that it is master too` : "its role was being handed over";
    return { role: "master", fenced: true, because: `a quorum of Sentinels names this node, but ${why}` };
  }
  if (named) {
    // It may be about to replace the process before this one: fenced until it has heard this one.
    return facts.hasData || facts.groupIsNew
      ? { role: "master", fenced: true, because: "a quorum of Sentinels names this node" }
      : { role: "wait", because: "the Sentinels name this node, but it has no data; waiting until they name another" };
  }
  if (persisted.kind === "master") {
    return { role: "master", fenced: true, because: "it was master, and no quorum of Sentinels answers" };
  }
  return decideFirstRole(facts);
}

/** Another data node that says that it is master: whoever is right, two must not take writes. */
const rivalOf = ({ peers, spec }: RoleFacts): TopologyNode | undefined =>
  peers.find(({ node, state }) => node.name !== spec.node.name && state?.role === "master")?.node;

type Trusted = PersistedRole | { kind: "moved"; of: Endpoint };

/** A recorded master that no node is any more: whoever has that address now is none of ours. */
function trusted({ persisted, spec }: RoleFacts): Trusted {
  if (persisted.kind !== "replica" || isNode(spec, persisted.of)) return persisted;
  return { kind: "moved", of: persisted.of };
}

function decideMoved(facts: RoleFacts, of: Endpoint): RoleDecision {
  const known = masterByPeers(facts);
  if (known && !sameEndpoint(known, redisEndpoint(facts.spec.node))) {
    return { role: "replica", of: known, because: "its former master's address is no node's; another node is master" };
  }
  return {
    role: "wait",
    because:
      `it was a replica of ${of.address}:${of.port}, which is no node of ${facts.spec.environment} any more, and no node ` +
      `is master yet; apply the others, or put that node back and remove it while the cluster runs. ` +
      `Should it be gone for good: ${HOW_TO_DECIDE}`,
  };
}

const isNode = (spec: NodeSpec, endpoint: Endpoint): boolean => dataNodeAt(allNodes(spec), endpoint) !== undefined;

/** Does this Sentinel lead a failover that has not ended? */
export const isReplacing = ({ state }: Pick<SentinelAnswer, "state">): boolean =>
  /\bfailover_in_progress\b/.test(state?.flags ?? "");

/** From the moment that enough Sentinels see the master as down until they name the new one. */
export const inFailover = (sentinels: readonly SentinelAnswer[]): boolean =>
  sentinels.some(({ state }) => /\b(o_down|failover_in_progress)\b/.test(state?.flags ?? ""));

/** No quorum, and no role on record: a node at its first start, or one that lost its runtime.conf. */
function decideFirstRole(facts: RoleFacts): RoleDecision {
  const { spec } = facts;
  const self = redisEndpoint(spec.node);
  const known = masterByPeers(facts);
  if (known && !sameEndpoint(known, self)) return { role: "replica", of: known, because: "another node is master" };
  if (facts.hasData) {
    return {
      role: "master",
      fenced: true,
      because: "it has data, but its role is not on record and no quorum answers",
    };
  }
  if (known) {
    return { role: "wait", because: `the other nodes follow this one, but it has no data. ${HOW_TO_DECIDE}` };
  }
  if (spec.seed === spec.node.name && facts.groupIsNew)
    return { role: "master", fenced: false, because: "first node of a new cluster" };
  const first = spec.peers.find((peer) => peer.name === spec.seed);
  if (first) return { role: "replica", of: redisEndpoint(first), because: `${first.name} is the first master` };
  return {
    role: "wait",
    because: `no other node answers, and this node has no data although the group is not new. ${HOW_TO_DECIDE}`,
  };
}

/** The master as the data nodes that answer see it: one that says so, else the one that they follow. */
function masterByPeers({ peers, spec }: Pick<RoleFacts, "peers" | "spec">): Endpoint | undefined {
  const masters = peers.filter(({ state }) => state?.role === "master");
  const followed = peers.flatMap(({ state }) =>
    state?.role === "replica" && state.master && isNode(spec, state.master) ? [state.master] : [],
  );
  const real = masters.filter(({ node }) => followed.some((endpoint) => sameEndpoint(endpoint, redisEndpoint(node))));
  const chosen: TopologyNode | undefined = [real, masters].find(({ length }) => length === 1)?.[0]?.node;
  if (chosen) return redisEndpoint(chosen);
  return masters.length === 0 ? followed[0] : undefined;
}
