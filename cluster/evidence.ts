import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { appliedSpec, nodeFolder, readIfThere, stateFolder } from "../agent/node-folder.ts";
import { isUnderWay, readJournal } from "../agent/handover/journal.ts";
import { isAlive, readRecord } from "../agent/processes.ts";
import { redisRecord } from "../agent/server.ts";
import { canonicalKey } from "../topology/config-file.ts";
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
export interface Evidence {
  readonly redis: readonly RedisEvidence[];
  readonly sentinels: readonly SentinelEvidence[];
  /** By node name; only nodes whose files are on this computer. */
  readonly files: ReadonlyMap<string, FilesOnDisk>;
}

export interface RedisEvidence {
  readonly node: TopologyNode;
  readonly error?: string;
  readonly answer?: {
    readonly state: RedisState;
    readonly info: Readonly<Record<string, string>>;
    /** CONFIG GET *, by canonical key. */
    readonly config: ReadonlyMap<string, string>;
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
  /** Its redis-server was started with a replica-priority by the age of its data, and has not been in step since. */
  readonly catchingUp: boolean;
  /** A hand-over of this node's role that nobody works on any more. */
  readonly interrupted?: { readonly from: string; readonly to?: string };
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
export async function gatherEvidence(
  environment: string,
  inventory: InventoryEnvironment,
  root: string,
): Promise<Evidence> {
  const { nodes, masterName, target } = inventory;
  const [redis, sentinels] = await Promise.all([
    Promise.all(nodes.filter((node) => node.redisPort !== undefined).map(askServer)),
    Promise.all(nodes.filter((node) => node.sentinelPort !== undefined).map((node) => askSentinel(node, masterName))),
  ]);
  return { redis, sentinels, files: target === "local" ? filesOnDisk(environment, nodes, root) : new Map() };
}

const askServer = (node: TopologyNode): Promise<RedisEvidence> =>
  withConnection(
    redisEndpoint(node),
    async (redis) => {
      const info = parseInfo(await redis.info());
      const config = new Map(
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

function filesOnDisk(environment: string, nodes: readonly TopologyNode[], root: string): Map<string, FilesOnDisk> {
  const state = stateFolder(root);
  return new Map(
    nodes.map((node) => {
      const folder = nodeFolder(state, environment, node.name);
      const journal = readJournal(folder);
      const agent = readRecord(path.join(folder.run, "agent.json"));
      return [
        node.name,
        {
          redisConf: readIfThere(folder.redisConf),
          sentinelConf: readIfThere(folder.sentinelConf),
          agent: agent !== undefined && isAlive(agent),
          catchingUp: redisRecord(folder)?.priority !== undefined,
          ...(journal && !isUnderWay(journal) ? { interrupted: journal } : {}),
        },
      ] as const;
    }),
  );
}

/**
 * What the nodes were last told to be and, where that is not known, what was synthesized.
 * @throws when a synthesized spec is missing or not readable
 */
export function expectationOf(environment: string, inventory: InventoryEnvironment, root: string): Expectation {
  const state = inventory.target === "local" ? stateFolder(root) : undefined;
  const specs = inventory.nodes.map((node): [string, ExpectedNode] => {
    const file = path.join(root, "cdktf.out", "specs", environment, `${node.name}.json`);
    if (!fs.existsSync(file)) throw new Error(`${path.relative(root, file)} is missing; run npm run synth first`);
    const synthesized = parseNodeSpec(fs.readFileSync(file, "utf8"), path.relative(root, file));
    if (state === undefined) return [node.name, { spec: synthesized, state: "unknown" }];
    const folder = nodeFolder(state, environment, node.name);
    const applied = appliedSpec(folder);
    if (!applied && fs.existsSync(folder.retired)) return [node.name, { spec: synthesized, state: "retired" }];
    if (!applied) return [node.name, { spec: synthesized, state: "never-applied" }];
    return [
      node.name,
      { spec: applied, state: isDeepStrictEqual(applied, synthesized) ? "applied" : "change-pending" },
    ];
  });
  return { environment, inventory, specs: new Map(specs) };
}
