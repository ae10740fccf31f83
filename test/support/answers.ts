import type { RedisAnswer, RedisState, SentinelAnswer, SentinelState } from "../../cluster/answers.ts";
import { redisEndpoint } from "../../cluster/answers.ts";
import type { TopologyNode } from "../../topology/topology.ts";

/** What a Sentinel answers that names a master. */
export const sentinelNaming = (
  node: TopologyNode,
  master: TopologyNode,
  changes: Partial<SentinelState> = {},
): SentinelAnswer => ({
  node,
  state: {
    master: redisEndpoint(master),
    flags: "master",
    masterReports: "master",
    configEpoch: 0,
    masterSilentMs: 0,
    quorum: 2,
    downAfterMs: 2000,
    failoverTimeoutMs: 10_000,
    parallelSyncs: 1,
    replicas: [],
    sentinels: [],
    pid: 1,
    configFile: "",
    ...changes,
  },
});

const anyState: RedisState = {
  role: "replica",
  syncing: false,
  loading: false,
  offset: 100,
  replicas: [],
  replicationId: "id",
  runId: "run",
  pid: 1,
  version: "7.0.15",
  configFile: "",
};

/** What a master answers that has these replicas online. */
export const masterWith = (
  node: TopologyNode,
  replicas: readonly TopologyNode[],
  seen: Partial<RedisState["replicas"][number]> = {},
): RedisAnswer => ({
  node,
  state: {
    ...anyState,
    role: "master",
    failoverState: "no-failover",
    replicas: replicas.map((each) => ({
      ...redisEndpoint(each),
      state: "online",
      offset: 100,
      lagSeconds: 0,
      ...seen,
    })),
  },
});

/** What a replica in sync answers, with changes. */
export const replicaOf = (
  node: TopologyNode,
  master: TopologyNode,
  changes: Partial<RedisState> = {},
): RedisAnswer => ({
  node,
  state: { ...anyState, master: redisEndpoint(master), link: "up", ...changes },
});

/** What is known of a server that does not answer. */
export const silent = (node: TopologyNode, error = "127.0.0.1:7003: connection refused") => ({ node, error });
