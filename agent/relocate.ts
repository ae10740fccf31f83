import path from "node:path";
import { redisEndpoint, sameEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { OVERRIDE, overridden } from "./override.ts";
import { appliedSpec, type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { isListening } from "./ports.ts";
import { isAlive, readRecord } from "./processes.ts";

/** An address in a line of a server's own: `replicaof`, or what Sentinel knows of the master, a replica, a Sentinel. */
const ADDRESS = /^((?:replicaof|sentinel (?:monitor|known-replica|known-slave|known-sentinel) \S+) )(\S+) (\d+)/;

interface Move {
  readonly name: string;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** The servers that have another address in the new spec. */
const movesBetween = (before: NodeSpec, now: NodeSpec): Move[] =>
  allNodes(before).flatMap((old) => {
    const node = allNodes(now).find(({ name }) => name === old.name);
    const moves = endpointsOf(old).map((from, index) => ({
      name: old.name,
      from,
      to: node ? (endpointsOf(node)[index] as Endpoint) : from,
    }));
    return moves.filter(({ from, to }) => !sameEndpoint(from, to));
  });

/**
 * A file in which an address already stands for the node that has it now would be carried over twice, should an apply be
 * killed half-way.
 * @throws when a node gets the address that another one had
 */
export function refuseToSwap(before: NodeSpec, now: NodeSpec): void {
  const moves = movesBetween(before, now);
  for (const { name, to } of moves) {
    const former = moves.find(({ from }) => sameEndpoint(from, to));
    if (!former) continue;
    throw new Error(
      `${name} gets ${to.address}:${to.port}, which ${former.name} has until now. Nothing was touched. Give ${name} an ` +
        `address that no node has, apply, and then the one that it is to have`,
    );
  }
}

/** The same text with the addresses that nodes of the new spec have in place of those of the old one. Pure. */
export function relocated(text: string, before: NodeSpec, now: NodeSpec): string {
  const moves = movesBetween(before, now);
  const moved = (at: Endpoint): Endpoint => moves.find(({ from }) => sameEndpoint(from, at))?.to ?? at;
  return text
    .split("\n")
    .map((line) =>
      line.replace(ADDRESS, (_, start: string, host: string, number: string) => {
        const { address, port } = moved({ address: host, port: Number(number) });
        return `${start}${address} ${port}`;
      }),
    )
    .join("\n");
}

/**
 * Carries over what the servers of a node wrote down of nodes that have other addresses now, by the nodes' names. A
 * server that runs hears of it from the others.
 * @returns what was changed, in words
 */
export function relocate(folder: NodeFolder, before: NodeSpec, now: NodeSpec): string[] {
  return (["redis", "sentinel"] as const).flatMap((server) => {
    const record = readRecord(path.join(folder.run, `${server}.json`));
    const file = server === "redis" ? folder.runtimeConf : folder.sentinelState;
    const text = readIfThere(file);
    if (text === undefined || (record && isAlive(record))) return [];
    const changed = relocated(text, before, now);
    if (changed === text) return [];
    writeAtomically(file, changed);
    return [`addresses changed in ${path.basename(path.dirname(file))}/${path.basename(file)}`];
  });
}

/**
 * Whoever moves first must find the others where they are, and they it: while they run, one node at a time.
 * @param described the nodes as they are to be
 * @throws when a node that is about to move is not the only one; nothing was touched
 */
export async function refuseToMoveSeveral(folder: NodeFolder, described: readonly TopologyNode[]): Promise<void> {
  const spec = appliedSpec(folder);
  if (!spec || overridden()) return;
  const moves = (old: TopologyNode): boolean => {
    const node = described.find(({ name }) => name === old.name);
    return node !== undefined && endpointsOf(node).some((each, index) => !sameEndpoint(each, endpointsOf(old)[index]));
  };
  if (!moves(spec.node)) return;
  const others: string[] = [];
  for (const peer of spec.peers.filter(moves)) {
    const answers = await Promise.all(
      endpointsOf(peer).map(async (each) => each.port !== 0 && (await isListening(each))),
    );
    if (answers.includes(true)) others.push(peer.name);
  }
  if (others.length === 0) return;
  throw new Error(
    `${spec.node.name} gets another address, and so do ${others.join(" and ")}, which run: nobody would find the others. ` +
      `Nothing was touched. Change the address of one node, apply, and then that of the next; or stop all of them ` +
      `first (npm stop ${spec.environment}). (To go on all the same: ${OVERRIDE}=1)`,
  );
}

const endpointsOf = (node: TopologyNode): Endpoint[] => [redisEndpoint(node), sentinelEndpoint(node)];
