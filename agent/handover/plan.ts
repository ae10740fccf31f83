import {
  IN_STEP_SECONDS,
  type RedisAnswer,
  type RedisState,
  redisEndpoint,
  sameEndpoint,
} from "../../cluster/answers.ts";
import { reason } from "../../cluster/view.ts";
import type { TopologyNode } from "../../topology/topology.ts";

/** Why a replica cannot take over from this master right now, in a few words, or undefined when it can. */
export function notInSync(master: RedisAnswer, { node, state, error }: RedisAnswer): string | undefined {
  if (!state) return error === undefined ? "does not answer" : reason(error);
  if (state.role === "master") return "says that it is a master itself";
  if (state.loading) return "is loading its data";
  if (state.syncing) return "is receiving a full copy";
  if (!sameEndpoint(state.master, redisEndpoint(master.node))) return "follows another node";
  if (state.link !== "up")
    return `link down${state.linkDownSeconds === undefined ? "" : ` for ${state.linkDownSeconds} s`}`;
  const seen = master.state?.replicas.find((replica) => sameEndpoint(replica, redisEndpoint(node)));
  if (!seen) return "is not known to the master";
  if (seen.state !== "online") return `is ${seen.state} for the master`;
  if (seen.lagSeconds > IN_STEP_SECONDS) return `acknowledged ${seen.lagSeconds} s ago`;
  return undefined;
}

/** The data nodes that follow this master, each with why it is not in sync, or undefined. */
export function replicasOf(
  master: RedisAnswer,
  servers: readonly RedisAnswer[],
): { answer: RedisAnswer; objection: string | undefined }[] {
  return servers
    .filter(({ node }) => node.name !== master.node.name)
    .map((answer) => ({ answer, objection: notInSync(master, answer) }));
}

/**
 * Who takes over from this master: the node that was asked for, else one of the preferred ones, else the one that has most.
 * @returns the node, or why there is none
 */
export function chooseCandidate(
  master: RedisAnswer,
  servers: readonly RedisAnswer[],
  wanted?: string,
  preferred: readonly string[] = [],
): { to: TopologyNode } | { objection: string } {
  const replicas = replicasOf(master, servers);
  const shown = replicas.map(({ answer: { node }, objection }) =>
    !node.promotable ? `${node.name}: never to be promoted` : `${node.name}: ${objection ?? "in sync"}`,
  );
  const rank = ({ node }: RedisAnswer): number => Number(!preferred.includes(node.name));
  const eligible = replicas
    .filter(({ answer, objection }) => objection === undefined && answer.node.promotable)
    .map(({ answer }) => answer)
    .sort((a, b) => rank(a) - rank(b) || (b.state as RedisState).offset - (a.state as RedisState).offset);
  if (wanted === undefined) {
    const [best] = eligible;
    return best
      ? { to: best.node }
      : { objection: `no replica can take over (${shown.join("; ") || "there is none"})` };
  }
  if (wanted === master.node.name) return { objection: `${wanted} is the master already` };
  const chosen = eligible.find(({ node }) => node.name === wanted);
  if (chosen) return { to: chosen.node };
  const why = shown.find((line) => line.startsWith(`${wanted}:`));
  return { objection: why ? `it cannot take over (${why})` : `${wanted} is no data node of this environment` };
}

/** What one Sentinel did when it was asked. A refused connection is a process that is down, silence may be a living one. */
export type SentinelReach = "answers" | "refuses" | "silent";

/**
 * How a hand-over is announced. `fast`: every Sentinel that may be alive answers, so all of them can be told. `slow`:
 * one is silent, and would overrule the others with its old epoch when it is back, so that Sentinel itself must
 * count the epoch up. undefined: too few answer for anything.
 */
export function gradeOf(reach: readonly SentinelReach[], needed: number): "fast" | "slow" | undefined {
  if (reach.filter((each) => each === "answers").length < needed) return undefined;
  return reach.includes("silent") ? "slow" : "fast";
}
