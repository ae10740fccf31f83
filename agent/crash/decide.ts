import { type RedisAnswer, redisEndpoint, sameEndpoint, type SentinelAnswer } from "../../cluster/answers.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { inFailover } from "../role.ts";

/** What the agent last knew of a master that is dead now. */
export interface MasterSample {
  /** When the server answered, by performance.now(). */
  readonly at: number;
  readonly runId: string;
  readonly replicationId: string;
  /** Replication offset of that moment. */
  readonly offset: number;
  /** Where its append-only file stood at that same moment; absent while that is not certain. */
  readonly aof?: { readonly file: string; readonly manifest: string; readonly position: number };
  /** Bytes that were executed and not yet in the append-only file: a slow fsync makes the server write them later. */
  readonly unwrittenBytes: number;
  /** Replicas that the server had online. */
  readonly online: readonly { readonly address: string; readonly port: number }[];
}

export interface CrashFacts {
  readonly node: TopologyNode;
  readonly mode: "promote" | "restart";
  readonly sample: MasterSample | undefined;
  /** By performance.now(). */
  readonly now: number;
  /** Sentinel acts on its own after this time without an answer of the master. */
  readonly downAfterMs: number;
  readonly servers: readonly RedisAnswer[];
  readonly sentinels: readonly SentinelAnswer[];
  /** Another hand-over of this node has not ended. */
  readonly handingOver: boolean;
}

/** Older than this, the agent did not see what the server did last: it was stopped itself, or the server hung before it died. */
const SAMPLE_MAX_AGE_MS = 2000;
/** Promoting must be over before Sentinel begins: what it takes from here on, with a reserve. */
const RESERVE_MS = 700;

/** Until when it is worth waiting for the replicas, by performance.now(): later, promoting is too late, or the sample too old. */
export const latestStart = ({ at }: MasterSample, downAfterMs: number): number =>
  at + Math.min(downAfterMs - RESERVE_MS, SAMPLE_MAX_AGE_MS);

export type CrashDecision = { do: "promote"; to: TopologyNode; because: string } | { do: "restart"; because: string };

/**
 * One condition of promoting a replica for a dead master: a reason against it, or undefined.
 * Named, so that a test can show what each is there for.
 */
export type Condition = (facts: CrashFacts) => string | undefined;

export const conditions = {
  wanted: ({ mode }) => (mode === "restart" ? `onMasterCrash is "restart"` : undefined),

  // Without what the server did last, nothing proves that a replica has it.
  sampled: ({ sample, now }) => {
    if (!sample) return "the agent has no sample of it as master";
    const age = Math.round(now - sample.at);
    return age > SAMPLE_MAX_AGE_MS ? `the last sample is ${age} ms old` : undefined;
  },

  provable: ({ sample }) => (sample && !sample.aof ? "where its append-only file stood is not certain" : undefined),

  notHandingOver: ({ handingOver }) => (handingOver ? "its role is being handed over" : undefined),

  // A silent one may hold the only copy of the last writes, or be a master already.
  everyNodeAnswers: ({ node, servers }) => {
    const silent = servers.filter((answer) => answer.node.name !== node.name && !answer.state);
    return silent.length > 0 ? `${names(silent)} does not answer` : undefined;
  },

  noOtherMaster: ({ node, servers }) => {
    const masters = servers.filter((answer) => answer.node.name !== node.name && answer.state?.role === "master");
    return masters.length > 0 ? `${names(masters)} is master already` : undefined;
  },

  // One that cannot be told would talk the others out of it when it is back.
  everySentinelAnswers: ({ sentinels }) => {
    const silent = sentinels.filter(({ state }) => !state);
    return silent.length > 0 ? `the Sentinel of ${names(silent)} does not answer` : undefined;
  },

  sentinelsNameUs: ({ node, sentinels }) => {
    const other = sentinels.find(({ state }) => state && !sameEndpoint(state.master, redisEndpoint(node)));
    return other ? `the Sentinel of ${other.node.name} names another master` : undefined;
  },

  // From then on Sentinel promotes a replica itself, and it may be another one.
  noFailover: ({ sentinels }) => (inFailover(sentinels) ? "the Sentinels are failing over already" : undefined),

  inTime: ({ sample, now, downAfterMs }) => {
    const left = sample ? Math.round(sample.at + downAfterMs - RESERVE_MS - now) : 0;
    return sample && left < 0 ? `the Sentinels begin to fail over in ${left + RESERVE_MS} ms` : undefined;
  },
} satisfies Record<string, Condition>;

export type ConditionName = keyof typeof conditions;

/**
 * Whether a replica takes over from a master that has just died, or the server is started again where it was, which
 * loses nothing either but takes longer. Pure.
 * @param without conditions that do not count; only tests leave any out
 */
export function decideCrash(facts: CrashFacts, without: readonly string[] = []): CrashDecision {
  for (const [name, condition] of Object.entries(conditions) as [ConditionName, Condition][]) {
    const objection = without.includes(name) ? undefined : condition(facts);
    if (objection !== undefined) return { do: "restart", because: objection };
  }
  const { sample, node } = facts;
  const candidates = facts.servers
    .filter(({ node: { name } }) => name !== node.name)
    .map((answer) => ({ answer, objection: without.includes("candidate") ? undefined : notCurrent(facts, answer) }));
  const [best] = candidates
    .filter(({ answer, objection }) => objection === undefined && answer.state)
    .sort((a, b) => (b.answer.state?.offset ?? 0) - (a.answer.state?.offset ?? 0));
  if (!best) {
    const why = candidates.map(({ answer, objection }) => `${answer.node.name}: ${objection}`).join("; ");
    return { do: "restart", because: `no replica can take over (${why})` };
  }
  const ahead = (best.answer.state?.offset ?? 0) - (sample?.offset ?? 0);
  return {
    do: "promote",
    to: best.answer.node,
    because:
      `${best.answer.node.name} is ${ahead} bytes beyond the last sample, ` +
      `${sample ? Math.round(facts.now - sample.at) : "?"} ms old`,
  };
}

/** Why a node is no replica of the dead master with all that was sampled. */
function notCurrent({ node, sample }: CrashFacts, { node: its, state }: RedisAnswer): string | undefined {
  if (!state) return "does not answer";
  if (!its.promotable) return "is never to be promoted";
  if (state.role !== "replica" || !sameEndpoint(state.master, redisEndpoint(node))) return "does not follow it";
  if (state.loading) return "is loading its data";
  if (state.syncing) return "is receiving a full copy";
  if (state.replicationId !== sample?.replicationId) return "has another history";
  if (!sample.online.some((each) => sameEndpoint(each, redisEndpoint(its)))) return "was not online in the last sample";
  if (state.link !== "down") return "is still linked, so that more may come";
  if (state.offset < sample.offset) return `is ${sample.offset - state.offset} bytes behind the last sample`;
  return undefined;
}

const names = (answers: readonly { node: TopologyNode }[]): string =>
  answers.map(({ node }) => node.name).join(" and ");
