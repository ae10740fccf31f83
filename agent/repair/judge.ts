import {
  quorumMaster,
  type RedisAnswer,
  redisEndpoint,
  type RedisState,
  sameEndpoint,
  type SentinelAnswer,
} from "../../cluster/answers.ts";
import { agreement, type Group } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { claimedMaster, type RoleClaim } from "../claims.ts";

/** Everything that is known of a group at one moment. */
export interface Situation {
  readonly group: Group;
  readonly servers: readonly RedisAnswer[];
  readonly sentinels: readonly SentinelAnswer[];
  readonly claims: readonly RoleClaim[];
  /** On a host, its own node: of the others nothing is known while they are silent. @default - all nodes' files are here */
  readonly own?: string | undefined;
}

export type Verdict =
  /** `rivals` say that they are master too; each with whether it may hold writes that this one lacks. */
  | { readonly master: TopologyNode; readonly rivals: readonly { node: TopologyNode; mayHoldMore: boolean }[] }
  /** Nobody can know whose data is the newest. */
  | { readonly unknown: string };

/**
 * Who is master, as far as that can be told: the node that a majority of Sentinels names and that says so itself; else
 * the only one that says so, when every other node that answers follows it or has nothing that it lacks. Pure.
 */
export function judge({ group, servers, sentinels, claims, own }: Situation): Verdict {
  const masters = servers.filter(({ state }) => state?.role === "master");
  const named = quorumMaster(sentinels, agreement(group), group.nodes);
  const confirmed = masters.find(({ node }) => node.name === named?.name);
  // A silent one may be master by its own account, with newer data.
  const blind = own !== undefined && claims.some(({ node, answers }) => !answers && node.name !== own);
  const master = confirmed ?? (blind ? undefined : soleMaster(masters, servers, claims));
  if (!master?.state) return { unknown: whyUnknown(masters, named, servers, claims) };
  const { node, state } = master;
  const rivals = masters
    .filter((each) => each !== master)
    .map((rival) => ({ node: rival.node, mayHoldMore: !coveredBy(state, rival.state as RedisState) }));
  return { master: node, rivals };
}

function soleMaster(
  masters: readonly RedisAnswer[],
  servers: readonly RedisAnswer[],
  claims: readonly RoleClaim[],
): RedisAnswer | undefined {
  const claimed = claimedMaster(claims);
  const candidate = masters.find(({ node }) => node.name === claimed?.name);
  const covers = servers.every(({ node, state }) => {
    if (!state || !candidate?.state || node.name === candidate.node.name) return true;
    return sameEndpoint(state.master, redisEndpoint(candidate.node)) || coveredBy(candidate.state, state);
  });
  return covers ? candidate : undefined;
}

function whyUnknown(
  masters: readonly RedisAnswer[],
  named: TopologyNode | undefined,
  servers: readonly RedisAnswer[],
  claims: readonly RoleClaim[],
): string {
  if (masters.length > 1) {
    return `${masters.map(({ node }) => node.name).join(" and ")} each say that they are master, and each may hold writes that the other lacks`;
  }
  const [only] = masters;
  if (only) {
    const rival = claims.find(({ answers, role, node }) => !answers && role.kind === "master" && node !== only.node);
    return rival
      ? `${only.node.name} says that it is master, but so did ${rival.node.name} before it went down`
      : `${only.node.name} says that it is master, but another node may hold writes that it lacks`;
  }
  if (servers.every(({ state }) => !state)) return "no data node answers";
  return `no node is master${named ? ` (the Sentinels name ${named.name})` : ""}`;
}

/**
 * Does a master have everything that this server has? Offsets say so only within one history: each promotion, and each
 * start of a master, begins a new one, and names at most the one before it.
 */
export function coveredBy(master: RedisState, server: RedisState): boolean {
  if (shares(master, server.replicationId, server.offset)) return true;
  // It was promoted from a history that the master goes on from, and has written nothing since.
  const { former } = server;
  return former !== undefined && server.offset <= former.offset && shares(master, former.replicationId, former.offset);
}

/** Is this point of this history part of the master's own? */
const shares = ({ replicationId, offset, former }: RedisState, id: string, at: number): boolean =>
  (id === replicationId && at <= offset) || (id === former?.replicationId && at <= former.offset);
