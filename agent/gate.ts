import { setTimeout as delay } from "node:timers/promises";
import { quorumMaster, type RedisAnswer, type SentinelAnswer } from "../cluster/answers.ts";
import { agreement, type Group, type Links } from "../cluster/links.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { replicasOf } from "./handover/plan.ts";
import { OVERRIDE, overridden } from "./override.ts";
import { inFailover } from "./role.ts";

/** What passes by itself, such as a replica that has just been restarted, is waited for; a broken one is not. */
const PATIENCE_MS = 15_000;

/** The group could not do without this server now. Nothing was touched. */
export class GateShut extends Error {
  override name = "GateShut";
}

export interface GateFacts {
  readonly group: Group;
  readonly environment: string;
  /** The nodes that were stopped for good: nobody waits for them. */
  readonly retired: readonly string[];
  readonly servers: readonly RedisAnswer[];
  readonly sentinels: readonly SentinelAnswer[];
}

/**
 * Why stopping this server for a moment could lose data, or the ability to fail over. Pure.
 * @param verb what is about to be done: "restarting", "retiring"
 * @returns undefined when the rest of the group can do without it
 */
export function gateObjection(
  facts: GateFacts,
  node: TopologyNode,
  server: "redis" | "sentinel",
  verb = "restarting",
): string | undefined {
  const { sentinels, group, environment } = facts;
  const answering = sentinels.filter(({ state }) => state !== undefined);
  const needed = agreement(group);
  // The one that is to be restarted is silent for a moment in any case; where a quorum is all of them, that must do.
  const silent = sentinels
    .filter((each) => each.state === undefined && !(server === "sentinel" && each.node.name === node.name))
    .map(({ node: { name } }) => name);
  const repair = (name: string): string =>
    `Repair ${name} first: npx redis-ha converge --env ${environment} --zone ${group.nodes.find((each) => each.name === name)?.zone}`;
  const rest = server === "sentinel" ? answering.filter((each) => each.node.name !== node.name) : answering;
  const [first] = silent;
  if (rest.length < needed && first !== undefined) {
    return (
      `${verb} ${server === "sentinel" ? `the Sentinel of ${node.name}` : node.name} now would leave nobody to fail over ` +
      `(${rest.length} of ${sentinels.length} Sentinels would answer, ${needed} are needed). ${repair(first)}`
    );
  }
  if (inFailover(sentinels)) {
    return `the Sentinels are replacing the master just now. Wait until npx redis-ha verify --env ${environment} --wait 30 holds`;
  }
  return server === "redis" ? copiesObjection(facts, node, verb, repair) : undefined;
}

function copiesObjection(
  { group, servers, sentinels, retired, environment }: GateFacts,
  node: TopologyNode,
  verb: string,
  repair: (name: string) => string,
): string | undefined {
  const data = servers.filter((answer) => !retired.includes(answer.node.name));
  const named = quorumMaster(sentinels, agreement(group), group.nodes);
  const master = data.find(({ node: { name }, state }) => name === named?.name && state?.role === "master");
  if (!master) {
    return (
      `no node is master and named by the Sentinels, so nobody knows which copy of the data is the newest. ` +
      `See npx redis-ha verify --env ${environment}`
    );
  }
  const replicas = replicasOf(master, data);
  const own = replicas.find(({ answer }) => answer.node.name === node.name);
  // One that is not in sync is nobody's copy: the group is no worse off without it.
  if (own?.objection !== undefined) return undefined;
  const others = replicas.filter(({ answer }) => answer.node.name !== node.name);
  // A master needs one to take over, and then one more, as every other node does. With two nodes there is no one more.
  const wanted = (master.node.name === node.name ? 1 : 0) + (data.length > 2 ? 1 : 0);
  const good = others.filter(({ objection }) => objection === undefined);
  const heir = good.some(({ answer }) => answer.node.promotable);
  if (good.length >= wanted && (master.node.name !== node.name || heir)) return undefined;
  const bad = others.filter(({ objection }) => objection !== undefined);
  const shown = bad.map(({ answer, objection }) => `${answer.node.name}: ${objection}`).join("; ");
  const [first] = bad;
  if (!first) return `${verb} ${node.name} now would leave nobody to take over. Make another replica promotable first`;
  return `${verb} ${node.name} now would leave no in-sync replica (${shown}). ${repair(first.answer.node.name)}`;
}

/**
 * Waits until the group can do without this server for a moment.
 * @throws GateShut when it cannot, with the reason and the way out
 */
export async function passGate(
  links: Links,
  where: { environment: string; retired: () => string[]; report: (line: string) => void },
  node: TopologyNode,
  server: "redis" | "sentinel",
  { verb, patienceMs = PATIENCE_MS }: { verb?: string; patienceMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
    const facts = { group: links.group, environment: where.environment, retired: where.retired(), servers, sentinels };
    const objection = gateObjection(facts, node, server, verb);
    if (objection === undefined) return;
    if (overridden()) {
      where.report(`${OVERRIDE}=1: going on although ${objection}`);
      return;
    }
    if (performance.now() >= deadline) {
      throw new GateShut(`refused: ${objection}. (To go on all the same, and risk that: ${OVERRIDE}=1)`);
    }
    await delay(250);
  }
}
