import type { Redis } from "ioredis";
import { askSentinels, redisEndpoint, redisStateOf, sameEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import { accessTo, useAccess } from "../cluster/access.ts";
import { type Endpoint, pairs, parseInfo, withConnection } from "../cluster/connection.ts";
import { parseConfigFile, sameConfigValue } from "../topology/config-file.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { isData, type TopologyNode } from "../topology/topology.ts";

/** An apply has time: a slow answer must not fail it, or look like a server that is not as it should be. */
export const PATIENT_MS = 5000;

export interface LiveChange {
  readonly key: string;
  readonly wanted: string;
  readonly running: string;
}

/** Where the running redis-server differs from its redis.conf. A key that the server does not report is left out. */
export async function liveChanges(spec: NodeSpec, text: string): Promise<LiveChange[]> {
  const running = await withConnection(
    redisEndpoint(spec.node),
    async (redis) => pairs(await redis.config("GET", "*")),
    PATIENT_MS,
  );
  return differing(parseConfigFile(text), running);
}

/** Where a redis-server differs from what is wanted. A key that it does not have is left out. Pure. */
export const differing = (
  wanted: ReadonlyMap<string, string>,
  running: Readonly<Record<string, string | undefined>>,
): LiveChange[] =>
  [...wanted].flatMap(([key, value]) => {
    const current = running[key];
    if (current === undefined || sameConfigValue(key, value, current)) return [];
    return [{ key, wanted: value, running: current }];
  });

/**
 * Keys of a redis.conf that the running server does not report: `loadmodule` and the like, and every key that it does
 * not know. Only a start shows whether they are right.
 */
export async function unreportedKeys(spec: NodeSpec, text: string): Promise<string[]> {
  const running = await withConnection(
    redisEndpoint(spec.node),
    async (redis) => pairs(await redis.config("GET", "*")),
    PATIENT_MS,
  );
  return [...parseConfigFile(text).keys()].filter((key) => running[key] === undefined);
}

/**
 * Sets keys on the running server, all of them at once or none.
 * @returns the keys that the server takes only at its start
 * @throws when the server refuses a value; then none is set
 */
export async function setLive(spec: NodeSpec, changes: readonly LiveChange[]): Promise<string[]> {
  const atStartOnly: string[] = [];
  const set = async (redis: Redis): Promise<void> => {
    for (;;) {
      const live = changes.filter(({ key }) => !atStartOnly.includes(key));
      if (live.length === 0) return;
      const [first, ...rest] = live.flatMap(({ key, wanted }) => [key, wanted]) as [string, string, ...string[]];
      try {
        await redis.call("CONFIG", "SET", first, ...rest);
        return;
      } catch (error) {
        const { name, message } = error as Error;
        if (name !== "ReplyError") throw error;
        // "CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"
        const named = /argument '([^']+)'/.exec(message)?.[1];
        const at = live.find(({ key }) => key === named) ?? (live.length === 1 ? live[0] : undefined);
        if (!at || !/immutable/i.test(message)) {
          const about = at ? `${at.key} ${at.wanted}` : live.map(({ key }) => key).join(", ");
          throw new Error(
            `${spec.node.name}: redis-server refuses ${about}: ${message}. Nothing was changed; ` +
              `correct it in environments/${spec.environment}.ts and apply again`,
          );
        }
        atStartOnly.push(at.key);
      }
    }
  };
  await withConnection(redisEndpoint(spec.node), set, PATIENT_MS);
  return atStartOnly;
}

/** Nodes that this Sentinel still counts although the environment does not list them, and that are none of ours any more. */
export async function ghosts(spec: NodeSpec): Promise<string[]> {
  const [answer] = await askSentinels([spec.node], spec.masterName);
  if (!answer?.state) return [];
  const nodes = allNodes(spec);
  const unlisted = (known: readonly Endpoint[], listed: (node: TopologyNode) => Endpoint): Endpoint[] =>
    known.filter((endpoint) => !nodes.some((node) => sameEndpoint(listed(node), endpoint)));
  const gone = await Promise.all([
    ...unlisted(answer.state.replicas, redisEndpoint).map(async (it) => ((await isOurReplica(it, spec)) ? [] : [it])),
    ...unlisted(answer.state.sentinels, sentinelEndpoint).map(async (it) =>
      (await isOurSentinel(it, spec)) ? [] : [it],
    ),
  ]);
  return gone.flat().map(({ address, port }) => `forgets ${address}:${port}, which is gone`);
}

/** A node that is removed later in the same apply: it still follows one of the listed nodes. */
async function isOurReplica(endpoint: Endpoint, spec: NodeSpec): Promise<boolean> {
  useAccess([endpoint], accessTo(redisEndpoint(allNodes(spec).find(isData) ?? spec.node)));
  const ask = async (redis: Redis) => redisStateOf(parseInfo(await redis.info("replication"))).master;
  const master = await withConnection(endpoint, ask).catch(() => undefined);
  return allNodes(spec).some((node) => sameEndpoint(redisEndpoint(node), master));
}

async function isOurSentinel(endpoint: Endpoint, spec: NodeSpec): Promise<boolean> {
  useAccess([endpoint], accessTo(sentinelEndpoint(spec.node)));
  const ask = (redis: Redis) => redis.call("SENTINEL", "MASTER", spec.masterName);
  return withConnection(endpoint, ask).then(
    () => true,
    () => false,
  );
}
