import type { Redis } from "ioredis";
import type { TopologyNode } from "../topology/topology.ts";
import {
  ASK_TIMEOUT_MS,
  type Endpoint,
  pairs,
  parseInfo,
  shownCertificate,
  Unreachable,
  withConnection,
} from "./connection.ts";

/** What one redis-server says of itself; `error` instead when it could not be asked. */
export interface RedisAnswer {
  readonly node: TopologyNode;
  readonly error?: string;
  /** Somebody answers who does not know us. */
  readonly notLetIn?: boolean;
  readonly state?: RedisState;
  /** Until when the certificate is valid that it shows, ISO 8601; absent without TLS. */
  readonly certificateUntil?: string;
}

export interface RedisState {
  readonly role: "master" | "replica";
  /** Whom a replica follows. */
  readonly master?: Endpoint;
  /** A replica's link to its master. */
  readonly link?: "up" | "down";
  /** Seconds since the link went down, as the replica counts them. */
  readonly linkDownSeconds?: number;
  /** The replica is receiving a full copy. */
  readonly syncing: boolean;
  readonly loading: boolean;
  /** Replication offset in bytes: what a master has written, what a replica has applied. */
  readonly offset: number;
  /** Replicas in step, as min-replicas-max-lag counts them; undefined when the rule is off. */
  readonly goodReplicas?: number;
  /** A master's replicas, by the address and port that they announce. */
  readonly replicas: readonly (Endpoint & { state: string; offset: number; lagSeconds: number })[];
  /** `no-failover`, unless the server is handing its role over just now. */
  readonly failoverState?: string;
  readonly replicationId: string;
  /** The history that this one goes on from, and the offset up to which it shares it; absent when there is none. */
  readonly former?: { readonly replicationId: string; readonly offset: number };
  readonly runId: string;
  readonly pid: number;
  readonly version: string;
  readonly configFile: string;
}

/** Whom one Sentinel names as master, and what else it knows; `error` instead when it could not be asked. */
export interface SentinelAnswer {
  readonly node: TopologyNode;
  readonly error?: string;
  /** It is down, and not merely silent. */
  readonly refused?: boolean;
  readonly state?: SentinelState;
  /** Until when the certificate is valid that it shows, ISO 8601; absent without TLS. */
  readonly certificateUntil?: string;
}

export interface SentinelState {
  readonly master: Endpoint;
  /** Comma-separated, `master` alone when all is well. */
  readonly flags: string;
  /** The role that the master says it has: `slave` when it has become one. */
  readonly masterReports: string;
  readonly configEpoch: number;
  /** Milliseconds since the master last answered this Sentinel as it should. */
  readonly masterSilentMs: number;
  readonly quorum: number;
  readonly downAfterMs: number;
  readonly failoverTimeoutMs: number;
  readonly parallelSyncs: number;
  readonly replicas: readonly (Endpoint & { flags: string })[];
  readonly sentinels: readonly (Endpoint & { flags: string })[];
  readonly pid: number;
  readonly configFile: string;
}

/** A replica acknowledges every second, so 1 is normal, and 2 when the question falls between two acknowledgements. */
export const IN_STEP_SECONDS = 2;

/** min-replicas-to-write of a server that must accept no writes until a quorum has confirmed its role. */
export const FENCE = "99";

export const redisEndpoint = (node: TopologyNode): Endpoint => ({ address: node.address, port: node.redisPort ?? 0 });
export const sentinelEndpoint = (node: TopologyNode): Endpoint => ({
  address: node.address,
  port: node.sentinelPort ?? 0,
});
export const sameEndpoint = (a: Endpoint | undefined, b: Endpoint | undefined): boolean =>
  a !== undefined && b !== undefined && a.address === b.address && a.port === b.port;

/** The highest configuration epoch that any of the Sentinels has; 0 when none answers. */
export const highestEpoch = (answers: readonly SentinelAnswer[]): number =>
  Math.max(0, ...answers.map(({ state }) => state?.configEpoch ?? 0));

/** The data node whose redis-server has this endpoint. */
export const dataNodeAt = (nodes: readonly TopologyNode[], endpoint: Endpoint | undefined): TopologyNode | undefined =>
  nodes.find((node) => node.redisPort !== undefined && sameEndpoint(redisEndpoint(node), endpoint));

/** Asks the redis-server of every data node, all at once. Never throws for a node that does not answer. */
export function askRedis(nodes: readonly TopologyNode[], timeoutMs = ASK_TIMEOUT_MS): Promise<RedisAnswer[]> {
  const data = nodes.filter((node) => node.redisPort !== undefined);
  return Promise.all(
    data.map((node) =>
      withConnection(
        redisEndpoint(node),
        async (redis) => ({ ...shown(redis), state: redisStateOf(parseInfo(await redis.info())) }),
        timeoutMs,
      ).then(
        (answer) => ({ node, ...answer }),
        (error: Error) => ({
          node,
          error: error.message,
          ...(error instanceof Unreachable && error.notLetIn ? { notLetIn: true } : {}),
        }),
      ),
    ),
  );
}

function shown(redis: Redis): { certificateUntil?: string } {
  const certificate = shownCertificate(redis);
  return certificate ? { certificateUntil: new Date(certificate.validTo).toISOString() } : {};
}

/** What an INFO reply says, as RedisState. */
export function redisStateOf(info: Record<string, string>): RedisState {
  const master = info["role"] === "master";
  return {
    role: master ? "master" : "replica",
    ...(master
      ? {}
      : {
          master: { address: info["master_host"] ?? "", port: Number(info["master_port"]) },
          link: info["master_link_status"] === "up" ? ("up" as const) : ("down" as const),
          ...(Number(info["master_link_down_since_seconds"]) >= 0
            ? { linkDownSeconds: Number(info["master_link_down_since_seconds"]) }
            : {}),
        }),
    syncing: info["master_sync_in_progress"] === "1",
    loading: info["loading"] === "1",
    offset: Number(master ? info["master_repl_offset"] : info["slave_repl_offset"]),
    ...(info["min_slaves_good_slaves"] === undefined ? {} : { goodReplicas: Number(info["min_slaves_good_slaves"]) }),
    replicas: Object.entries(info)
      .filter(([key]) => /^slave\d+$/.test(key))
      .map(([, value]) => {
        const fields = Object.fromEntries(value.split(",").map((pair) => pair.split("=") as [string, string]));
        return {
          address: fields["ip"] ?? "",
          port: Number(fields["port"]),
          state: fields["state"] ?? "",
          offset: Number(fields["offset"]),
          lagSeconds: Number(fields["lag"]),
        };
      }),
    ...(info["master_failover_state"] === undefined ? {} : { failoverState: info["master_failover_state"] }),
    replicationId: info["master_replid"] ?? "",
    ...(Number(info["second_repl_offset"]) > 0
      ? // The server counts the first byte of its own; up to the one before, both histories are the same.
        { former: { replicationId: info["master_replid2"] ?? "", offset: Number(info["second_repl_offset"]) - 1 } }
      : {}),
    runId: info["run_id"] ?? "",
    pid: Number(info["process_id"]),
    version: info["valkey_version"] ?? info["redis_version"] ?? "",
    configFile: info["config_file"] ?? "",
  };
}

/** What a Sentinel answers when it is asked about a master that it does not watch. */
export const watchesNothing = (error: string | undefined): boolean => /No such master/i.test(error ?? "");

/** Asks every Sentinel, all at once. Never throws for a Sentinel that does not answer. */
export function askSentinels(
  nodes: readonly TopologyNode[],
  masterName: string,
  timeoutMs = ASK_TIMEOUT_MS,
): Promise<SentinelAnswer[]> {
  const sentinels = nodes.filter((node) => node.sentinelPort !== undefined);
  return Promise.all(
    sentinels.map((node) =>
      withConnection(
        sentinelEndpoint(node),
        async (redis) => ({ ...shown(redis), state: await sentinelState(redis, masterName) }),
        timeoutMs,
      ).then(
        (answer) => ({ node, ...answer }),
        (error: Error) => ({
          node,
          error: error.message,
          refused: error instanceof Unreachable && error.refused,
        }),
      ),
    ),
  );
}

/**
 * What the Sentinel at the other end of this connection knows.
 * @throws ReplyError when it does not watch a master of this name
 */
export async function sentinelState(redis: Redis, masterName: string): Promise<SentinelState> {
  const ask = (what: string): Promise<unknown> => redis.call("SENTINEL", what, masterName);
  const [master, replicas, sentinels, server] = await Promise.all([
    ask("MASTER"),
    ask("REPLICAS"),
    ask("SENTINELS"),
    redis.info("server"),
  ]);
  const fields = pairs(master);
  const info = parseInfo(server);
  return {
    master: endpointOf(fields),
    flags: fields["flags"] ?? "",
    masterReports: fields["role-reported"] ?? "",
    configEpoch: Number(fields["config-epoch"]),
    masterSilentMs: Number(fields["last-ok-ping-reply"]),
    quorum: Number(fields["quorum"]),
    downAfterMs: Number(fields["down-after-milliseconds"]),
    failoverTimeoutMs: Number(fields["failover-timeout"]),
    parallelSyncs: Number(fields["parallel-syncs"]),
    replicas: listOf(replicas),
    sentinels: listOf(sentinels),
    pid: Number(info["process_id"]),
    configFile: info["config_file"] ?? "",
  };
}

const endpointOf = (fields: Record<string, string>): Endpoint => ({
  address: fields["ip"] ?? "",
  port: Number(fields["port"]),
});
const listOf = (reply: unknown): (Endpoint & { flags: string })[] =>
  (reply as unknown[]).map((entry) => {
    const fields = pairs(entry);
    return { ...endpointOf(fields), flags: fields["flags"] ?? "" };
  });

/**
 * The node that at least `quorum` of the answers name as master, if there is one.
 * Whether that node answers just now plays no part: a silent master is Sentinel's to replace, not ours.
 */
export function quorumMaster(
  answers: readonly SentinelAnswer[],
  quorum: number,
  nodes: readonly TopologyNode[],
): TopologyNode | undefined {
  return nodes.find(
    (node) =>
      node.redisPort !== undefined &&
      answers.filter(({ state }) => sameEndpoint(state?.master, redisEndpoint(node))).length >= quorum,
  );
}
