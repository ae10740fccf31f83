import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { majority, type TopologyNode } from "../topology/topology.ts";
import {
  quorumMaster,
  redisEndpoint,
  type RedisAnswer,
  redisStateOf,
  sentinelEndpoint,
  type SentinelAnswer,
  sentinelState,
} from "./answers.ts";
import { ASK_TIMEOUT_MS, KeptConnection, parseInfo } from "./connection.ts";
import { within } from "./within.ts";

/** What must be known of a group to act on it. A spec and an inventory both say it. */
export interface Group {
  readonly nodes: readonly TopologyNode[];
  readonly masterName: string;
  readonly quorum: number;
}

export const groupOf = (spec: NodeSpec): Group => ({
  nodes: allNodes(spec),
  masterName: spec.masterName,
  quorum: spec.quorum,
});

/** Sentinels that must agree before anything is done in their name: a quorum, and never less than their majority. */
export function agreement({ nodes, quorum }: Group): number {
  return Math.max(quorum, majority(nodes.filter(({ sentinelPort }) => sentinelPort !== undefined).length));
}

export interface Link {
  readonly node: TopologyNode;
  readonly connection: KeptConnection;
}

/**
 * Open connections to every server and every Sentinel of a group: what acts on a running cluster works over these,
 * because opening one in the middle of a hand-over costs more than the hand-over.
 */
export class Links {
  readonly servers: readonly Link[];
  readonly sentinels: readonly Link[];

  /** @param onLost told the node whose redis-server has just closed its connection */
  private constructor(
    readonly group: Group,
    timeoutMs: number,
    onLost: (node: TopologyNode) => void,
  ) {
    this.servers = group.nodes
      .filter(({ redisPort }) => redisPort !== undefined)
      .map((node) => ({ node, connection: new KeptConnection(redisEndpoint(node), timeoutMs, () => onLost(node)) }));
    this.sentinels = group.nodes
      .filter(({ sentinelPort }) => sentinelPort !== undefined)
      .map((node) => ({ node, connection: new KeptConnection(sentinelEndpoint(node), timeoutMs) }));
  }

  /** Opens all of them at once, and returns when each has connected, or has failed once. */
  static async open(
    group: Group,
    { timeoutMs = ASK_TIMEOUT_MS, onLost = () => undefined }: LinkOptions = {},
  ): Promise<Links> {
    const links = new Links(group, timeoutMs, onLost);
    await Promise.all([...links.servers, ...links.sentinels].map(({ connection }) => connection.attempted()));
    return links;
  }

  /** Waits until each connection is up or was refused, for as long as one that was just lost may need to come back. */
  async settled(timeoutMs = 1000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const all = [...this.servers, ...this.sentinels].map(({ connection }) => connection);
    while (all.some(({ connected, refused }) => !connected && !refused) && performance.now() < deadline)
      await delay(10);
  }

  close(): void {
    for (const { connection } of [...this.servers, ...this.sentinels]) connection.close();
  }

  /** Asks the redis-server of one node. @throws Unreachable, or the server's own error */
  server<T>(node: string, question: (redis: Redis) => Promise<T>): Promise<T> {
    return linkOf(this.servers, node).connection.ask(question);
  }

  /** Asks the Sentinel of one node. @throws Unreachable, or the Sentinel's own error */
  sentinel<T>(node: string, question: (redis: Redis) => Promise<T>): Promise<T> {
    return linkOf(this.sentinels, node).connection.ask(question);
  }

  /**
   * What every redis-server says of itself. Never throws for one that does not answer.
   * @param withinMs do not wait longer for any of them @default - the links' own time
   */
  askServers(withinMs?: number): Promise<RedisAnswer[]> {
    return Promise.all(
      this.servers.map(({ node, connection }) =>
        within(
          withinMs,
          connection.ask(async (redis) => redisStateOf(parseInfo(await redis.info()))),
        ).then(
          (state) => ({ node, state }),
          (error: Error) => ({ node, error: error.message }),
        ),
      ),
    );
  }

  /**
   * What every Sentinel knows. Never throws for one that does not answer.
   * @param of the Sentinels of these nodes alone: a silent one is waited for until the time is over @default - all
   * @param withinMs do not wait longer for any of them @default - the links' own time
   */
  askSentinels({ of, withinMs }: { of?: readonly string[]; withinMs?: number } = {}): Promise<SentinelAnswer[]> {
    const asked = this.sentinels.filter(({ node }) => of?.includes(node.name) ?? true);
    return Promise.all(
      asked.map(({ node, connection }) =>
        within(
          withinMs,
          connection.ask((redis) => sentinelState(redis, this.group.masterName)),
        ).then(
          (state) => ({ node, state }),
          (error: Error) => ({ node, error: error.message }),
        ),
      ),
    );
  }

  /** The node that enough Sentinels name as master, if there is one. */
  named(answers: readonly SentinelAnswer[]): TopologyNode | undefined {
    return quorumMaster(answers, agreement(this.group), this.group.nodes);
  }
}

export interface LinkOptions {
  /** Bound on connecting and on each command, in milliseconds. @default 500 */
  readonly timeoutMs?: number;
  readonly onLost?: (node: TopologyNode) => void;
}

/** Runs `use` with links to a whole group and closes them, whatever happens. */
export async function withLinks<T>(group: Group, use: (links: Links) => Promise<T>, options?: LinkOptions): Promise<T> {
  const links = await Links.open(group, options);
  try {
    return await use(links);
  } finally {
    links.close();
  }
}

function linkOf(links: readonly Link[], name: string): Link {
  const found = links.find(({ node }) => node.name === name);
  if (!found) throw new Error(`${name}: no such server in this group`);
  return found;
}
