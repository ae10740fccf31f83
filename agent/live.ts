import { askSentinels, redisEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import { pairs, withConnection } from "../cluster/connection.ts";
import { parseConfigFile, parseSentinelFile, sameConfigValue } from "../topology/config-file.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { isListening } from "./ports.ts";

export interface LiveChange {
  readonly key: string;
  readonly wanted: string;
  readonly running: string;
}

/** Where the running redis-server differs from its redis.conf. A key that the server does not report is left out. */
export async function liveChanges(spec: NodeSpec, text: string): Promise<LiveChange[]> {
  const wanted = parseConfigFile(text);
  const running = await withConnection(redisEndpoint(spec.node), async (redis) =>
    pairs(await redis.config("GET", "*")),
  );
  return [...wanted].flatMap(([key, value]) => {
    const current = running[key];
    if (current === undefined || sameConfigValue(key, value, current)) return [];
    return [{ key, wanted: value, running: current }];
  });
}

/**
 * Sets keys on the running server, one by one.
 * @returns the keys that the server takes only at its start
 * @throws when the server refuses a value
 */
export async function setLive(spec: NodeSpec, changes: readonly LiveChange[]): Promise<string[]> {
  if (changes.length === 0) return [];
  return withConnection(redisEndpoint(spec.node), async (redis) => {
    const refused: string[] = [];
    for (const { key, wanted } of changes) {
      try {
        await redis.config("SET", key, wanted);
      } catch (error) {
        const message = (error as Error).message;
        if (!/immutable/i.test(message)) {
          throw new Error(`${spec.node.name}: redis-server refuses ${key} ${wanted}: ${message}`);
        }
        refused.push(key);
      }
    }
    return refused;
  });
}

/** Why the running Sentinel is not what sentinel.conf and the topology say; empty when it is. */
export async function sentinelDrift(spec: NodeSpec, text: string): Promise<string[]> {
  const wanted = parseSentinelFile(text).masters.get(spec.masterName) ?? new Map<string, string>();
  let running: Record<string, string>;
  try {
    running = await withConnection(sentinelEndpoint(spec.node), async (redis) =>
      pairs(await redis.call("SENTINEL", "MASTER", spec.masterName)),
    );
  } catch (error) {
    return [`it does not know ${spec.masterName}: ${(error as Error).message}`];
  }
  const drift = [...wanted, ["quorum", String(spec.quorum)] as const]
    .filter(([key, value]) => running[key] !== undefined && running[key] !== value)
    .map(([key, value]) => `${key} ${running[key]} instead of ${value}`);
  return [...drift, ...(await ghosts(spec))];
}

/** Nodes that this Sentinel still counts although the environment does not list them, and that are gone. */
export async function ghosts(spec: NodeSpec): Promise<string[]> {
  const [answer] = await askSentinels([spec.node], spec.masterName);
  if (!answer?.state) return [];
  const nodes = allNodes(spec);
  const listed = new Set(
    nodes.flatMap((node) => [node.redisPort, node.sentinelPort].map((port) => `${node.address}:${port}`)),
  );
  const unlisted = [...answer.state.replicas, ...answer.state.sentinels].filter(
    ({ address, port }) => !listed.has(`${address}:${port}`),
  );
  const gone = await Promise.all(unlisted.map(async (endpoint) => ((await isListening(endpoint)) ? [] : [endpoint])));
  return gone.flat().map(({ address, port }) => `forgets ${address}:${port}, which is gone`);
}
