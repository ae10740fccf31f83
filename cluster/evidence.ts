import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { appliedSpec, type NodeFolder, nodeFolder, readIfThere, stateOf } from "../agent/node-folder.ts";
import { isUnderWay, readJournal } from "../agent/handover/journal.ts";
import { isAlive, readRecord } from "../agent/processes.ts";
import { redisRecord, serverNames } from "../agent/server.ts";
import { certificateProblems, usersDiffer } from "../agent/secrets-in-use.ts";
import { canonicalKey } from "../topology/config-file.ts";
import { onHost } from "../topology/host-places.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { parseNodeSpec, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import {
  redisEndpoint,
  redisStateOf,
  sentinelEndpoint,
  sentinelState,
  type RedisState,
  type SentinelState,
} from "./answers.ts";
import { pairs, parseInfo, withConnection } from "./connection.ts";

/** Everything that `checks` judges, gathered once. */
export interface Evidence extends ServerEvidence {
  /** By node name; only nodes whose files could be looked at. */
  readonly files: ReadonlyMap<string, FilesOnDisk>;
}

/** What the servers and Sentinels say, and can do. */
export interface ServerEvidence {
  readonly redis: readonly RedisEvidence[];
  readonly sentinels: readonly SentinelEvidence[];
}

export interface RedisEvidence {
  readonly node: TopologyNode;
  readonly error?: string;
  readonly answer?: {
    readonly state: RedisState;
    readonly info: Readonly<Record<string, string>>;
    /** CONFIG GET *, by canonical key. */
    readonly config: Readonly<Record<string, string>>;
    /** Why CONFIG REWRITE failed; undefined when it worked. */
    readonly rewriteError?: string;
  };
}

export interface SentinelEvidence {
  readonly node: TopologyNode;
  readonly error?: string;
  readonly answer?: {
    readonly state: SentinelState;
    /** Why CKQUORUM failed; undefined when it holds. */
    readonly quorumError?: string;
    /** Why FLUSHCONFIG failed; undefined when it worked. */
    readonly rewriteError?: string;
  };
}

/** The template files of a node as they lie there; undefined = no such file. */
export interface FilesOnDisk {
  readonly redisConf?: string;
  readonly sentinelConf?: string;
  /** Its agent's process lives. */
  readonly agent: boolean;
  /** What is wrong with the users of its servers, loaded or on disk, in words. */
  readonly users: readonly string[];
  /** What is wrong with its certificate, in words. */
  readonly certificates: readonly string[];
  /** Its redis-server was started with a replica-priority by the age of its data, and has not been in step since. */
  readonly catchingUp: boolean;
  /** A hand-over of this node's role that nobody works on any more. */
  readonly interrupted?: { readonly from: string; readonly to?: string };
}

/** What is written down of a node, on the computer that it is on. */
export interface NodeFacts {
  readonly files: FilesOnDisk;
  /** The spec that was applied last. */
  readonly applied?: NodeSpec;
  readonly retired: boolean;
}

/** What the cluster should be. */
export interface Expectation {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** By node name. */
  readonly specs: ReadonlyMap<string, ExpectedNode>;
}

export interface ExpectedNode {
  /** What the node is held to: the spec applied last, else the synthesized one. */
  readonly spec: NodeSpec;
  readonly state: "applied" | "never-applied" | "retired" | "change-pending" | "unknown";
}

/** Time for one question, in milliseconds: to rewrite a file waits for the disk. */
const VERIFY_TIMEOUT_MS = 2000;

/**
 * Asks every server and Sentinel for everything that is checked, all at once. Never throws for one that does not answer.
 * CONFIG REWRITE, and SENTINEL FLUSHCONFIG, are really run, since a failover needs them; they write what the server
 * runs with, and change nothing else.
 */
export async function askForEvidence({ nodes, masterName }: InventoryEnvironment): Promise<ServerEvidence> {
  const [redis, sentinels] = await Promise.all([
    Promise.all(nodes.filter((node) => node.redisPort !== undefined).map(askServer)),
    Promise.all(nodes.filter((node) => node.sentinelPort !== undefined).map((node) => askSentinel(node, masterName))),
  ]);
  return { redis, sentinels };
}

const askServer = (node: TopologyNode): Promise<RedisEvidence> =>
  withConnection(
    redisEndpoint(node),
    async (redis) => {
      const info = parseInfo(await redis.info());
      const config = Object.fromEntries(
        Object.entries(pairs(await redis.config("GET", "*"))).map(([key, value]) => [canonicalKey(key), value]),
      );
      const rewriteError = await failure(redis.config("REWRITE"));
      return { state: redisStateOf(info), info, config, rewriteError };
    },
    VERIFY_TIMEOUT_MS,
  ).then(
    (answer) => ({ node, answer }),
    (error: Error) => ({ node, error: error.message }),
  );

const askSentinel = (node: TopologyNode, masterName: string): Promise<SentinelEvidence> =>
  withConnection(
    sentinelEndpoint(node),
    async (redis) => ({
      state: await sentinelState(redis, masterName),
      quorumError: await failure(redis.call("SENTINEL", "CKQUORUM", masterName)),
      rewriteError: await failure(redis.call("SENTINEL", "FLUSHCONFIG")),
    }),
    VERIFY_TIMEOUT_MS,
  ).then(
    (answer) => ({ node, answer }),
    (error: Error) => ({ node, error: error.message }),
  );

const failure = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: Error) => error.message,
  );

export async function nodeFacts(folder: NodeFolder): Promise<NodeFacts> {
  const journal = readJournal(folder);
  const agent = readRecord(path.join(folder.run, "agent.json"));
  const applied = appliedSpec(folder);
  const ofServers = async (ask: typeof usersDiffer): Promise<string[]> => {
    const answers = applied ? serverNames(applied.node).map((server) => ask(server, applied, folder)) : [];
    return [...new Set((await Promise.all(answers)).flat())];
  };
  const [users, certificates] = await Promise.all([ofServers(usersDiffer), ofServers(certificateProblems)]);
  return {
    files: {
      redisConf: readIfThere(folder.redisConf),
      sentinelConf: readIfThere(folder.sentinelConf),
      agent: agent !== undefined && isAlive(agent),
      users,
      certificates,
      catchingUp: redisRecord(folder)?.priority !== undefined,
      ...(journal && !isUnderWay(journal) ? { interrupted: journal } : {}),
    },
    ...(applied ? { applied } : {}),
    retired: applied === undefined && fs.existsSync(folder.retired),
  };
}

/** Of every node on this computer, by node name: of the target local all, and on a host its own. */
export async function localFacts(
  environment: string,
  inventory: InventoryEnvironment,
  root: string,
): Promise<Map<string, NodeFacts>> {
  const folders = inventory.nodes.map(
    ({ name }) => [name, nodeFolder(stateOf(inventory, root), environment, name)] as const,
  );
  const here = folders.filter(([, folder]) => !onHost(inventory) || fs.existsSync(folder.root));
  return new Map(await Promise.all(here.map(async ([name, folder]) => [name, await nodeFacts(folder)] as const)));
}

/**
 * What the nodes were last told to be and, where that is not known, what was synthesized.
 * @param facts by node name; none of a node that could not be looked at
 * @param synthesized the synthesized spec of a node; undefined where there is none to be compared with: on a host
 */
export function expectationOf(
  environment: string,
  inventory: InventoryEnvironment,
  facts: ReadonlyMap<string, NodeFacts>,
  synthesized: (node: string) => NodeSpec | undefined,
): Expectation {
  const specs = inventory.nodes.flatMap(({ name }): [string, ExpectedNode][] => {
    const wanted = synthesized(name);
    const its = facts.get(name);
    if (its?.applied) {
      const same = wanted === undefined || isDeepStrictEqual(its.applied, wanted);
      return [[name, { spec: its.applied, state: same ? "applied" : "change-pending" }]];
    }
    if (!wanted) return [];
    return [[name, { spec: wanted, state: its ? (its.retired ? "retired" : "never-applied") : "unknown" }]];
  });
  return { environment, inventory, specs: new Map(specs) };
}

/** @throws when it is missing or not readable */
export function synthesizedSpec(environment: string, node: string, root: string): NodeSpec {
  const file = path.join(root, "cdktf.out", "specs", environment, `${node}.json`);
  const json = readIfThere(file);
  if (json === undefined) throw new Error(`${path.relative(root, file)} is missing; run npm run synth first`);
  return parseNodeSpec(json, path.relative(root, file));
}
