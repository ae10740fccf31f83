import fs from "node:fs";
import path from "node:path";
import {
  askRedis,
  askSentinels,
  quorumMaster,
  redisEndpoint,
  sameEndpoint,
  type SentinelAnswer,
} from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { decideRole, masterByPeers, type PersistedRole, type RoleDecision } from "./role.ts";
import { reconcileSentinelState, seedSentinelState } from "./sentinel-state.ts";

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
  const [sentinels, peers] = await Promise.all([askSentinels(allNodes(spec), spec.masterName), askRedis(spec.peers)]);
  const initialised = fs.existsSync(folder.initialised);
  const decision = decideRole({
    spec,
    persisted: persistedRole(readIfThere(folder.runtimeConf)),
    initialised,
    hasData: hasData(folder),
    groupIsNew: !initialised && groupIsNew(folder),
    sentinels,
    peers,
  });
  if (decision.role === "wait") return decision;
  fs.mkdirSync(folder.redisData, { recursive: true, mode: 0o700 });
  writeAtomically(
    folder.runtimeConf,
    decision.role === "replica" ? `replicaof ${decision.of.address} ${decision.of.port}\n` : "",
  );
  return decision;
}

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
  const existing = readIfThere(folder.sentinelState);
  fs.mkdirSync(folder.sentinelData, { recursive: true, mode: 0o700 });
  if (existing === undefined || !existing.includes(`sentinel monitor ${spec.masterName} `)) {
    const { master, epoch, source } = firstMaster(spec, sentinels, masterByPeers({ peers: redis }));
    writeAtomically(folder.sentinelState, seedSentinelState(spec, master, epoch));
    return `seeded with ${master.address}:${master.port} (${source})`;
  }
  const agreed = quorumMaster(sentinels, spec.quorum, allNodes(spec));
  const confirmed = redis.some(({ node, state }) => node.name === agreed?.name && state?.role === "master");
  const known = agreed && confirmed ? { master: redisEndpoint(agreed), epoch: epochOf(sentinels, agreed) } : undefined;
  const reconciled = reconcileSentinelState(existing, spec, known);
  if (reconciled.text === existing) return undefined;
  writeAtomically(folder.sentinelState, reconciled.text);
  return reconciled.changes.join("; ");
}

function firstMaster(
  spec: NodeSpec,
  sentinels: readonly SentinelAnswer[],
  byRedis: Endpoint | undefined,
): { master: Endpoint; epoch: number; source: string } {
  const best = sentinels
    .filter(({ state }) => state !== undefined)
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
