import fs from "node:fs";
import path from "node:path";
import {
  askRedis,
  askSentinels,
  dataNodeAt,
  FENCE,
  quorumMaster,
  type RedisAnswer,
  redisEndpoint,
  sameEndpoint,
  type SentinelAnswer,
} from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { readJournal } from "./handover/journal.ts";
import { type NodeFolder, nodeFolderAt, readIfThere, writeAtomically } from "./node-folder.ts";
import { decideRole, masterByPeers, type PersistedRole, type RoleDecision } from "./role.ts";
import { ownView, reconcileSentinelState, seedSentinelState } from "./sentinel-state.ts";

/** Silence of one node must not keep a server from being up again before Sentinel misses it, a second later. */
const ASK_MS = { sentinel: 300, server: 150 };

/** The role that runtime.conf records. redis-server writes a `replicaof` line for a replica and none for a master. */
export function persistedRole(runtimeConf: string | undefined): PersistedRole {
  if (runtimeConf === undefined) return { kind: "none" };
  const line = runtimeConf.match(/^(?:replicaof|slaveof)\s+"?([^\s"]+)"?\s+(\d+)\s*$/m);
  if (line?.[1] && line[2]) return { kind: "replica", of: { address: line[1], port: Number(line[2]) } };
  return { kind: "master" };
}

/**
 * The step before every start of redis-server: decides the role and reduces runtime.conf to its role line, so that
 * whatever else CONFIG REWRITE left in it does not shadow the template.
 */
export async function prestartRedis(spec: NodeSpec, folder: NodeFolder): Promise<RoleDecision> {
  const [sentinels, answers] = await Promise.all([
    askSentinels(allNodes(spec), spec.masterName, ASK_MS.sentinel),
    askRedis(spec.peers, ASK_MS.server),
  ]);
  const strangers = strangersAmong(answers, folder);
  const peers = answers.filter(({ node }) => !strangers.includes(node));
  const initialised = fs.existsSync(folder.initialised);
  const decision = decideRole({
    spec,
    persisted: persistedRole(readIfThere(folder.runtimeConf)),
    initialised,
    hasData: hasData(folder),
    groupIsNew: !initialised && groupIsNew(folder),
    sentinels,
    peers,
    handingOver: readJournal(folder) !== undefined,
  });
  if (decision.role === "wait") return decision;
  const { of } = { of: undefined, ...decision };
  const stranger = strangers.find((node) => sameEndpoint(redisEndpoint(node), of));
  if (stranger) {
    return {
      role: "wait",
      because: `its master is ${stranger.name}, but another server has the port ${stranger.redisPort}; stop that one`,
    };
  }
  fs.mkdirSync(folder.redisData, { recursive: true, mode: 0o700 });
  writeAtomically(
    folder.runtimeConf,
    decision.role === "replica" ? `replicaof ${decision.of.address} ${decision.of.port}\n` : "",
  );
  return decision;
}

/**
 * The arguments that start redis-server as a master that takes no writes: more replicas are asked for than there can be.
 * The resident agent lifts this when a quorum of Sentinels names the node.
 */
export const fenceArguments = ["--min-replicas-to-write", FENCE] as const;

/** Has redis-server ever written its files here? */
function hasData(folder: NodeFolder): boolean {
  return ["appendonlydir", "dump.rdb"].some((name) => fs.existsSync(path.join(folder.redisData, name)));
}

/** On the target `local` the folders of all nodes lie side by side, so this is certain and not a guess. */
function groupIsNew(folder: NodeFolder): boolean {
  const environment = path.dirname(folder.root);
  return !fs
    .readdirSync(environment, { withFileTypes: true })
    .some((entry) => entry.isDirectory() && fs.existsSync(path.join(environment, entry.name, "initialised")));
}

/**
 * The step before every start of redis-sentinel: seeds its state file when there is none, from a living peer where
 * there is one; corrects the master and the epoch when a quorum of the other Sentinels knows better; and forgets nodes
 * that the environment no longer lists.
 * @returns what was done, in words, or undefined when the file was right
 */
export async function prestartSentinel(spec: NodeSpec, folder: NodeFolder): Promise<string | undefined> {
  const [sentinels, redis] = await Promise.all([askSentinels(spec.peers, spec.masterName), askRedis(allNodes(spec))]);
  const strangers = strangersAmong(redis, folder);
  const existing = readIfThere(folder.sentinelState) ?? "";
  fs.mkdirSync(folder.sentinelData, { recursive: true, mode: 0o700 });
  const ours = redis.filter(({ node }) => !strangers.includes(node));
  const own = ownView(existing, spec.masterName);
  // A monitored address that is no node's any more is not asked: whoever has it now is none of ours.
  if (!own.master || !dataNodeAt(allNodes(spec), own.master)) {
    const { master, epoch, source } = firstMaster(spec, sentinels, masterByPeers({ peers: ours, spec }));
    const replicas = ours.map(({ node }) => node);
    writeAtomically(folder.sentinelState, seedSentinelState(spec, master, Math.max(epoch, own.currentEpoch), replicas));
    return `seeded with ${master.address}:${master.port} (${source})`;
  }
  const agreed = quorumMaster(sentinels, spec.quorum, allNodes(spec));
  const confirmed = redis.some(({ node, state }) => node.name === agreed?.name && state?.role === "master");
  const known = agreed && confirmed ? { master: redisEndpoint(agreed), epoch: epochOf(sentinels, agreed) } : undefined;
  const reconciled = reconcileSentinelState(existing, spec, known, strangers);
  if (reconciled.text === existing) return undefined;
  writeAtomically(folder.sentinelState, reconciled.text);
  return reconciled.changes.join("; ");
}

/**
 * The nodes on whose port a server runs that was not started from their folder, such as somebody's own Redis. A replica
 * of it would take its data for ours, and Sentinel would make it a replica and wipe it.
 */
function strangersAmong(answers: readonly RedisAnswer[], folder: NodeFolder): TopologyNode[] {
  const environment = path.dirname(folder.root);
  return answers
    .filter(
      ({ node, state }) =>
        state !== undefined && state.configFile !== nodeFolderAt(path.join(environment, node.name)).runtimeConf,
    )
    .map(({ node }) => node);
}

function firstMaster(
  spec: NodeSpec,
  sentinels: readonly SentinelAnswer[],
  byRedis: Endpoint | undefined,
): { master: Endpoint; epoch: number; source: string } {
  const best = sentinels
    .filter(({ state }) => state !== undefined && dataNodeAt(allNodes(spec), state.master) !== undefined)
    .sort((a, b) => (b.state?.configEpoch ?? 0) - (a.state?.configEpoch ?? 0))[0];
  if (best?.state) {
    return { master: best.state.master, epoch: best.state.configEpoch, source: `the Sentinel of ${best.node.name}` };
  }
  if (byRedis) return { master: byRedis, epoch: 0, source: "the data nodes" };
  const seed = allNodes(spec).find((node) => node.name === spec.seed);
  if (!seed) throw new Error(`${spec.environment}: no node may become master; make one promotable`);
  return { master: redisEndpoint(seed), epoch: 0, source: "the first master of a new cluster" };
}

const epochOf = (sentinels: readonly SentinelAnswer[], master: Parameters<typeof redisEndpoint>[0]): number =>
  Math.max(
    0,
    ...sentinels
      .filter(({ state }) => sameEndpoint(state?.master, redisEndpoint(master)))
      .map(({ state }) => state?.configEpoch ?? 0),
  );
