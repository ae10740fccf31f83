import { IN_STEP_SECONDS, redisEndpoint, sameEndpoint } from "./answers.ts";
import type { RedisEvidence } from "./evidence.ts";
import { finding, type Context, type Finding } from "./verify.ts";
import { lagBehind, nameOf } from "./view.ts";

/**
 * How many bytes a replica that is in step may seem to be behind. Master and replica are asked a few milliseconds
 * apart, and a busy master writes some 10 MB/s: one MiB is about 100 ms of that.
 */
export const CAUGHT_UP_BYTES = 1024 * 1024;

/** Checks on the servers themselves: who answers, who is master, who follows it and how closely. */
export function replicationChecks(context: Context): Finding[] {
  return [
    ...reachable(context),
    oneMaster(context),
    ...context.evidence.redis.flatMap((server) => [
      ...loaded(server, context),
      ...replica(server, context),
      ...persistence(server),
    ]),
    ...goodReplicas(context),
  ];
}

function reachable({ evidence, start }: Context): Finding[] {
  return evidence.redis.map(({ node, answer, error }) =>
    finding(
      "redis-reachable",
      node,
      answer !== undefined,
      answer ? `${node.name} answers` : `${node.name} does not answer at ${error}`,
      start(node),
    ),
  );
}

function oneMaster({ evidence, repair, master }: Context): Finding {
  const names = evidence.redis.filter(({ answer }) => answer?.state.role === "master").map(({ node }) => node.name);
  const message =
    names.length === 1
      ? `${names[0]} is the only master`
      : names.length === 0
        ? `no server says that it is master${master ? ` (the Sentinels name ${master.name})` : ""}`
        : `${names.join(" and ")} say that they are master`;
  // A failover that is under way puts it right by itself.
  return finding("one-master", null, names.length === 1, message, `if it stays so for 15 s: ${repair}`);
}

function loaded({ node, answer }: RedisEvidence, { expectation }: Context): Finding[] {
  if (!answer) return [];
  const { loading } = answer.state;
  const seconds = answer.info["loading_eta_seconds"];
  return [
    finding(
      "loaded",
      node,
      !loading,
      loading
        ? `${node.name} is loading its data${seconds ? `, about ${seconds} s to go` : ""}`
        : `${node.name} has loaded its data`,
      `wait: npx redis-ha verify --env ${expectation.environment} --wait 60`,
    ),
  ];
}

function replica({ node, answer }: RedisEvidence, context: Context): Finding[] {
  const { master, converge, evidence, expectation } = context;
  if (!answer || node.name === master?.name || answer.state.role === "master") return [];
  const { state } = answer;
  const nodes = expectation.inventory.nodes;
  const followed = state.master ? nameOf(state.master, nodes) : "nobody";
  const follows = master !== undefined && sameEndpoint(state.master, redisEndpoint(master));
  const wanted = master ? `, not ${master.name}` : ", and no master is known";
  const found = [
    finding(
      "replica-follows",
      node,
      follows,
      `${node.name} follows ${followed}${follows ? "" : wanted}`,
      `${converge} (the Sentinels repair it too, within 10 s, when they agree)`,
    ),
    finding(
      "replica-link",
      node,
      state.link === "up" && !state.syncing,
      state.syncing
        ? `${node.name} is receiving a full copy from ${followed}`
        : `${node.name}'s link to ${followed} is ${state.link}`,
      state.syncing
        ? `wait: npx redis-ha verify --env ${expectation.environment} --wait 60`
        : `bring ${followed} up or: ${converge}`,
    ),
  ];
  const masterState = evidence.redis.find((each) => each.node.name === master?.name)?.answer?.state;
  if (!follows || masterState?.role !== "master") return found;
  const lag = lagBehind(masterState, state, node);
  const bytes = lag.bytes ?? 0;
  const caughtUp = bytes <= CAUGHT_UP_BYTES && lag.seconds !== undefined && lag.seconds <= IN_STEP_SECONDS;
  const message =
    lag.seconds === undefined
      ? `${master?.name} does not list ${node.name} among its replicas`
      : `${node.name} is ${bytes} bytes behind, and acknowledged ${lag.seconds} s ago`;
  return [
    ...found,
    finding(
      "replica-caught-up",
      node,
      caughtUp,
      message,
      "wait; if it stays behind, look at the load of the node and at its network",
    ),
  ];
}

function goodReplicas({ evidence, expectation, master, converge }: Context): Finding[] {
  const state = evidence.redis.find(({ node }) => node.name === master?.name)?.answer?.state;
  if (!master || state?.role !== "master") return [];
  const needed = expectation.inventory.minReplicasToWrite;
  const good =
    state.goodReplicas ??
    state.replicas.filter((each) => each.state === "online" && each.lagSeconds <= IN_STEP_SECONDS).length;
  return [
    finding(
      "good-replicas",
      master,
      good >= needed,
      `${master.name} has ${good} replicas in step; it accepts writes with ${needed} and more`,
      `bring the replicas up: ${converge}`,
    ),
  ];
}

function persistence({ node, answer }: RedisEvidence): Finding[] {
  if (!answer) return [];
  const bad = ["aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"].filter(
    (field) => answer.info[field] !== undefined && answer.info[field] !== "ok",
  );
  return [
    finding(
      "persistence",
      node,
      bad.length === 0,
      bad.length === 0
        ? `${node.name}'s last writes to disk worked`
        : `${node.name}: ${bad.map((field) => `${field} is ${answer.info[field]}`).join(", ")}`,
      `make room on the disk of ${node.name} and see its log; a master in this state refuses writes`,
    ),
  ];
}
