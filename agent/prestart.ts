import fs from "node:fs";
import path from "node:path";
import {
  askRedis,
  askSentinels,
  dataNodeAt,
  FENCE,
  highestEpoch,
  quorumMaster,
  type RedisAnswer,
  redisEndpoint,
  sameEndpoint,
  type SentinelAnswer,
} from "../cluster/answers.ts";
import { onHost } from "../topology/host-places.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { claimedMaster, hasData, roleClaims, type RoleClaim } from "./claims.ts";
import { readJournal } from "./handover/journal.ts";
import { MIN_REPLICAS } from "./min-replicas.ts";
import { type NodeFolder, nodeFolderAt, readIfThere, writeAtomically } from "./node-folder.ts";
import { decideRole, HOW_TO_DECIDE, isReplacing, persistedRole, type RoleDecision } from "./role.ts";
import {
  type KnownMaster,
  type OwnView,
  ownView,
  reconcileSentinelState,
  seedSentinelState,
} from "./sentinel-state.ts";

/** Silence of one node must not keep a server from being up again before Sentinel misses it, a second later. */
const ASK_MS = { sentinel: 300, server: 150 };

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
  const journal = readJournal(folder);
  const decision = decideRole({
    spec,
    persisted: persistedRole(readIfThere(folder.runtimeConf)),
    initialised,
    hasData: hasData(folder),
    groupIsNew: !initialised && groupIsNew(spec, folder),
    sentinels,
    peers,
    ...(journal ? { handingOver: journal } : {}),
    elected: fs.existsSync(folder.elected),
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
  fs.rmSync(folder.elected, { force: true });
  return decision;
}

/**
 * The arguments that start redis-server as a master that takes no writes: more replicas are asked for than there can be.
 * The resident agent lifts this when a quorum of Sentinels names the node.
 */
export const fenceArguments = [`--${MIN_REPLICAS}`, FENCE] as const;

/** On the target `local` the folders of all nodes lie side by side, so this is certain and not a guess. */
function groupIsNew(spec: NodeSpec, folder: NodeFolder): boolean {
  if (onHost(spec)) return fs.existsSync(folder.bootstrap) && !fs.existsSync(folder.initialised);
  const environment = path.dirname(folder.root);
  return !fs
    .readdirSync(environment, { withFileTypes: true })
    .some((entry) => entry.isDirectory() && fs.existsSync(path.join(environment, entry.name, "initialised")));
}

/**
 * The step before every start of redis-sentinel: seeds its state file when there is none, from a living peer where
 * there is one; corrects the master and the epoch when a quorum of the other Sentinels, or the data nodes, know better;
 * and forgets nodes that the environment no longer lists.
 * @returns what was done, in words, or undefined when the file was right
 * @throws when it has lost its state and nobody knows who is master
 */
export async function prestartSentinel(spec: NodeSpec, folder: NodeFolder): Promise<string | undefined> {
  const [sentinels, redis] = await Promise.all([askSentinels(spec.peers, spec.masterName), askRedis(allNodes(spec))]);
  const strangers = strangersAmong(redis, folder);
  const existing = readIfThere(folder.sentinelState) ?? "";
  fs.mkdirSync(folder.sentinelData, { recursive: true, mode: 0o700 });
  const ours = redis.filter(({ node }) => !strangers.includes(node));
  const claims = roleClaims(ours, folder);
  const own = ownView(existing, spec.masterName);
  // A monitored address that is no node's any more is not asked: whoever has it now is none of ours.
  if (!own.master || !dataNodeAt(allNodes(spec), own.master)) {
    const { node, epoch, source } = firstMaster(spec, folder, sentinels, claims);
    const master = redisEndpoint(node);
    const replicas = ours.map((answer) => answer.node);
    writeAtomically(folder.sentinelState, seedSentinelState(spec, master, Math.max(epoch, own.currentEpoch), replicas));
    // A data node has its data to tell that the group is new no more; a witness has this file.
    if (spec.node.redisPort === undefined) fs.rmSync(folder.bootstrap, { force: true });
    return `seeded with ${master.address}:${master.port} (${source})`;
  }
  const agreed = quorumMaster(sentinels, spec.quorum, allNodes(spec));
  const confirmed = redis.some(({ node, state }) => node.name === agreed?.name && state?.role === "master");
  const known =
    agreed && confirmed
      ? { master: redisEndpoint(agreed), epoch: epochOf(sentinels, agreed), source: "its peers" }
      : byRoles(own, claims);
  const reconciled = reconcileSentinelState(existing, spec, known, strangers);
  if (reconciled.text === existing) return undefined;
  writeAtomically(folder.sentinelState, reconciled.text);
  return reconciled.changes.join("; ");
}

/**
 * The master that the data nodes agree on, when the one in the Sentinel's file is a replica by its own account. The
 * epoch stays: with a higher one than the others have, an old view would overrule them at a cold start, and so does
 * the corrected one.
 */
function byRoles(own: OwnView, claims: readonly RoleClaim[]): KnownMaster | undefined {
  const named = claims.find(({ node }) => sameEndpoint(redisEndpoint(node), own.master));
  const master = claimedMaster(claims);
  if (named?.role.kind !== "replica" || !master) return undefined;
  return {
    master: redisEndpoint(master),
    epoch: Math.max(own.configEpoch, own.currentEpoch),
    source: "the data nodes",
  };
}

/**
 * The nodes on whose port a server runs that does not know us, or was not started from their folder, such as somebody's own Redis. A replica
 * of it would take its data for ours, and Sentinel would make it a replica and wipe it.
 */
function strangersAmong(answers: readonly RedisAnswer[], folder: NodeFolder): TopologyNode[] {
  const environment = path.dirname(folder.root);
  return answers
    .filter(
      ({ node, state, notLetIn }) =>
        notLetIn === true ||
        (state !== undefined && state.configFile !== nodeFolderAt(path.join(environment, node.name)).runtimeConf),
    )
    .map(({ node }) => node);
}

/** @throws when nobody knows, although there is data */
function firstMaster(
  spec: NodeSpec,
  folder: NodeFolder,
  sentinels: readonly SentinelAnswer[],
  claims: readonly RoleClaim[],
): { node: TopologyNode; epoch: number; source: string } {
  const nodes = allNodes(spec);
  const agreed = quorumMaster(sentinels, spec.quorum, nodes);
  if (agreed) return { node: agreed, epoch: epochOf(sentinels, agreed), source: "a quorum of its peers" };
  const isReplica = (node: TopologyNode): boolean =>
    claims.some((claim) => claim.node.name === node.name && claim.role.kind === "replica");
  const [best] = sentinels
    .flatMap(({ node: voter, state }) => {
      const node = dataNodeAt(nodes, state?.master);
      return node && !isReplica(node) ? [{ voter, node, epoch: epochOf([{ node: voter, state }], node) }] : [];
    })
    .sort((a, b) => b.epoch - a.epoch);
  if (best) return { ...best, source: `the Sentinel of ${best.voter.name}` };
  // On a host nothing is known of a node that is silent: it may be master by its own account, with newer data.
  const silent = claims.some(({ node, answers }) => !answers && node.name !== spec.node.name);
  const guess = onHost(spec) && silent && fs.existsSync(folder.complete);
  const claimed = guess ? undefined : claimedMaster(claims);
  if (claimed) return { node: claimed, epoch: 0, source: "the data nodes" };
  if (!groupIsNew(spec, folder)) {
    const masters = claims.filter(({ role }) => role.kind === "master").map(({ node }) => node.name);
    throw new Error(
      `${spec.engine}-sentinel of ${spec.node.name} does not start: its state is lost, no other Sentinel answers, and ` +
        (masters.length > 0
          ? `${masters.join(" and ")} ${masters.length > 1 ? "each claim" : "claims"} to be master`
          : "no data node is or was master") +
        `, so nobody knows whose data is the newest. ${HOW_TO_DECIDE}`,
    );
  }
  const seed = nodes.find((node) => node.name === spec.seed);
  if (!seed) throw new Error(`${spec.environment}: no node may become master; make one promotable`);
  return { node: seed, epoch: 0, source: "the first master of a new cluster" };
}

/**
 * The epoch under which these Sentinels know this master. One that replaces it says already that of the next, from whose promotion on
 * until all replicas follow it, and names the former meanwhile: with both, a Sentinel would not let the others correct it.
 */
const epochOf = (sentinels: readonly SentinelAnswer[], master: TopologyNode): number =>
  highestEpoch(
    sentinels.filter((answer) => sameEndpoint(answer.state?.master, redisEndpoint(master)) && !isReplacing(answer)),
  );
