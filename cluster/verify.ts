import { quorumMaster } from "./answers.ts";
import { configChecks } from "./checks-config.ts";
import { replicationChecks } from "./checks-replication.ts";
import { sentinelChecks } from "./checks-sentinel.ts";
import { majority, type TopologyNode } from "../topology/topology.ts";
import { applyCommands } from "../agent/not-applied.ts";
import type { Evidence, Expectation } from "./evidence.ts";

/** Every check by its stable id, in the order of the report, with what it says when it holds. */
export const checkTitles = {
  "redis-reachable": "every server answers",
  "sentinel-reachable": "every Sentinel answers",
  "agent-running": "every node's agent runs",
  "one-master": "exactly one server is master",
  "sentinel-names-master": "every Sentinel names that master",
  "sentinel-flags": "no Sentinel sees the master as down or failing over",
  "sentinel-epochs": "all Sentinels have the same configuration epoch",
  "sentinel-ckquorum": "every Sentinel can reach a quorum and a majority",
  "sentinel-peers": "every Sentinel knows exactly the other Sentinels",
  "sentinel-replicas": "every Sentinel knows exactly the replicas",
  "hand-over": "no hand-over was interrupted",
  "sentinel-settings": "quorum and timings of every Sentinel are as applied",
  loaded: "every server has loaded its data",
  "replica-follows": "every replica follows the master",
  "replica-link": "every replica's link is up",
  "replica-caught-up": "every replica is caught up",
  "good-replicas": "enough replicas are in step for the master to accept writes",
  fenced: "no server asks for more replicas than applied before it takes writes",
  persistence: "the last writes of append-only file and snapshot worked",
  "config-rewrite": "every server and Sentinel can write its configuration file",
  "running-config": "every server runs with the applied redis.conf",
  "files-on-disk": "the configuration files are as applied",
  certificate: "every node's certificate is in use, and valid for 14 days and more",
  "client-certificate": "the certificate that clients show is valid for 14 days and more",
  users: "the users of every server and Sentinel are as applied",
  applied: "every node has been applied",
} as const;

export type CheckId = keyof typeof checkTitles;

/** One statement about the cluster or about one node. */
export interface Finding {
  readonly id: CheckId;
  /** The node it is about; null = the cluster. */
  readonly node: string | null;
  readonly holds: boolean;
  /** What was seen, as a sentence. */
  readonly message: string;
  /** What mends it. On a finding that holds: what could be done, a hint. Null = nothing to do. */
  readonly remedy: string | null;
}

/** What the groups of checks share. */
export interface Context {
  readonly evidence: Evidence;
  readonly expectation: Expectation;
  /**
   * The node that a quorum of Sentinels names, else the only server that says that it is master; the latter also when
   * the named one says that it is a replica.
   */
  readonly master: TopologyNode | undefined;
  /** The command that mends drift. */
  readonly converge: string;
  /** What brings up a node that does not run. */
  readonly start: (node: TopologyNode) => string;
  /** The command that mends lost and wrong state. */
  readonly repair: string;
}

export const finding = (
  id: CheckId,
  node: TopologyNode | null,
  holds: boolean,
  message: string,
  remedy: string | null = null,
): Finding => ({ id, node: node?.name ?? null, holds, message, remedy: holds ? null : remedy });

/**
 * Judges the evidence. Pure; the findings stand in the order of `checkTitles`.
 * A server that does not answer is reported once, and not again by every check that would have asked it.
 */
export function checks(evidence: Evidence, expectation: Expectation): Finding[] {
  const { inventory, environment } = expectation;
  const masters = evidence.redis.filter(({ answer }) => answer?.state.role === "master");
  const only = masters.length === 1 ? masters[0]?.node : undefined;
  const named = quorumMaster(
    evidence.sentinels.map(({ node, answer }) => ({ node, state: answer?.state })),
    Math.max(inventory.quorum, majority(evidence.sentinels.length)),
    inventory.nodes,
  );
  const namedIsReplica = evidence.redis.some(
    ({ node, answer }) => node.name === named?.name && answer?.state.role === "replica",
  );
  const converge = `npx redis-ha converge --env ${environment}`;
  const context: Context = {
    evidence,
    expectation,
    master: namedIsReplica ? (only ?? named) : (named ?? only),
    converge,
    start: ({ name }) => {
      const state = expectation.specs.get(name)?.state;
      return state === "retired" || state === "never-applied"
        ? `apply: ${applyCommands(environment, inventory.target)}`
        : converge;
    },
    repair: `npx redis-ha repair --env ${environment}`,
  };
  const found = [...replicationChecks(context), ...sentinelChecks(context), ...configChecks(context)];
  const order = Object.keys(checkTitles);
  return found.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

export const holds = (findings: readonly Finding[]): boolean => findings.every((each) => each.holds);
