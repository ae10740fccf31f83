import fs from "node:fs";
import { agreement, type Links } from "../cluster/links.ts";
import { LockLost } from "../cluster/lock.ts";
import { dataNodeAt, type RedisAnswer, redisEndpoint, sameEndpoint, type SentinelAnswer } from "../cluster/answers.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { askAgent, type Response } from "./control.ts";
import { passGate } from "./gate.ts";
import { siblingFolder } from "./handover/journal.ts";
import { handOver, type HandOverRequest } from "./handover/handover.ts";
import { notInSync } from "./handover/plan.ts";
import { writeAtomically } from "./node-folder.ts";
import { waitFor } from "./processes.ts";
import { inFailover } from "./role.ts";
import type { ServerName } from "./server.ts";
import { retiredNodes, type Session } from "./session.ts";

/** A full copy of the data may be needed before the next node may be touched. */
const IN_STEP_TIMEOUT_MS = 120_000;

/**
 * Restarts one server of the session's node so that the group does not notice: waits until the others can do without
 * it, hands the master's role over first, and waits until the node is in step again.
 * @param patienceMs how long to wait for the others to be able to @default 15 s
 * @param preferred who takes the role over rather than others
 * @returns what was done, in words
 * @throws GateShut; Error when the server does not start (the previous configuration is back then)
 */
export async function restartServer(
  session: Session,
  server: ServerName,
  why: string,
  { patienceMs, preferred = [] }: { patienceMs?: number; preferred?: readonly string[] } = {},
): Promise<string[]> {
  const { spec, folder, links, lock, report } = session;
  const done: string[] = [];
  if (wasComplete(session)) {
    const where = { environment: spec.environment, retired: () => retiredNodes(session), report };
    await passGate(links, where, spec.node, server, patienceMs === undefined ? {} : { patienceMs });
    if (server === "redis" && (await isMaster(links, spec.node)))
      done.push(...(await passRoleOn(session, { preferred })));
    await lock?.hold();
  }
  failOnError(spec.node.name, await askAgent(folder.socket, { do: "restart", server }));
  done.push(`${server} restarted (${why})`);
  await untilInStep(session);
  return done;
}

/**
 * Hands the role of the session's node over.
 * @returns what was done, in words
 */
export async function passRoleOn(
  { spec, folder, links, lock, report }: Session,
  options: Pick<HandOverRequest, "preferred" | "leaveEpoch"> = {},
): Promise<string[]> {
  if (!lock)
    throw new LockLost(`${spec.node.name} is master, and no majority of Sentinels answers to hand its role over`);
  const done = await handOver({ links, lock, folder, ...options, report });
  return [`master's role handed over to ${done.to} (${Math.round(done.writeGapMs)} ms without writes)`];
}

async function isMaster(links: Links, node: TopologyNode): Promise<boolean> {
  return (await links.askServers()).some((answer) => answer.node.name === node.name && answer.state?.role === "master");
}

/** Before a group was whole once, there is nothing that a restart could harm, and nobody to ask. */
function wasComplete({ folder }: Session): boolean {
  return fs.existsSync(folder.complete);
}

/** Notes that the group was whole: from now on no node is stopped without asking the others. */
export async function noteComplete({ folder, links }: Pick<Session, "folder" | "links">): Promise<void> {
  if (fs.existsSync(folder.complete)) return;
  const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const named = links.named(sentinels);
  const master = servers.find(({ node }) => node.name === named?.name);
  if (!master || sentinels.some(({ state }) => !sameEndpoint(state?.master, redisEndpoint(master.node)))) return;
  const rest = servers.filter((answer) => answer !== master);
  if (rest.some((answer) => notInSync(master, answer) !== undefined)) return;
  // On this computer the others' folders lie beside this one, and need not find out by themselves.
  for (const { name } of links.group.nodes) {
    const its = siblingFolder(folder, name);
    if (fs.existsSync(its.spec) && !fs.existsSync(its.complete))
      writeAtomically(its.complete, `${new Date().toISOString()}\n`);
  }
}

/**
 * Waits until the node is in step: loaded, linked, caught up, and seen by every Sentinel that answers.
 * Without a master that the Sentinels agree on there is nothing to be in step with, and no wait.
 */
export async function untilInStep({ spec, links }: Pick<Session, "spec" | "links">): Promise<void> {
  let missing: string | undefined;
  await waitFor(
    `${spec.node.name} is in step`,
    async () => {
      missing = await outOfStep(links, spec.node);
      return missing === undefined ? true : undefined;
    },
    IN_STEP_TIMEOUT_MS,
    50,
  ).catch(() => {
    throw new Error(
      `${spec.node.name} is not in step within ${IN_STEP_TIMEOUT_MS / 1000} s: ${missing}. ` +
        `npx redis-ha verify --env ${spec.environment} shows the whole; apply again when that is mended`,
    );
  });
}

async function outOfStep(links: Links, node: TopologyNode): Promise<string | undefined> {
  const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const own = servers.find((answer) => answer.node.name === node.name);
  if (own && !own.state) return `${node.name} does not answer`;
  if (own?.state?.loading) return `${node.name} is loading its data`;
  const ownSentinel = sentinels.find((answer) => answer.node.name === node.name);
  if (ownSentinel && !ownSentinel.state) return `the Sentinel of ${node.name} does not answer`;
  const answering = sentinels.filter(({ state }) => state !== undefined);
  if (answering.length < agreement(links.group)) return undefined;
  const named = links.named(sentinels);
  if (!named) return outOfStepWithUnlisted(links, own, answering);
  if (inFailover(sentinels)) return `the Sentinels are replacing ${named.name}`;
  const differing = answering.find(({ state }) => !sameEndpoint(state?.master, redisEndpoint(named)));
  if (differing) return `the Sentinel of ${differing.node.name} does not name ${named.name}`;
  const master = servers.find((answer) => answer.node.name === named.name);
  // A master that is silent is Sentinel's to replace; this node cannot be in step with it.
  if (!master?.state) return undefined;
  if (own && own.node.name !== named.name) {
    const objection = notInSync(master, own);
    if (objection !== undefined) return `${node.name}: ${objection}`;
    const blind = answering.find(({ state }) =>
      state?.replicas.some((replica) => sameEndpoint(replica, redisEndpoint(node)) && /s_down/.test(replica.flags)),
    );
    if (blind) return `the Sentinel of ${blind.node.name} still sees ${node.name} as down`;
  }
  return undefined;
}

/** The master may be a node that the environment does not list any more: it is retired, and hands its role over, later. */
function outOfStepWithUnlisted(
  { group }: Links,
  own: RedisAnswer | undefined,
  answering: readonly SentinelAnswer[],
): string | undefined {
  const master = answering[0]?.state?.master;
  const agreed = answering.every(({ state }) => sameEndpoint(state?.master, master));
  if (!master || !agreed || dataNodeAt(group.nodes, master)) return `the Sentinels do not agree on a master`;
  if (!own?.state || (sameEndpoint(own.state.master, master) && own.state.link === "up")) return undefined;
  return `${own.node.name} does not follow ${master.address}:${master.port}, which the Sentinels name`;
}

/** @throws with what the agent could not do */
export function failOnError(node: string, response: Response): void {
  if (response.rolledBack) throw new Error(`${node}: ${response.rolledBack}`);
  const errors = [response.error, ...Object.values(response.servers).map(({ error }) => error)].filter(Boolean);
  if (errors.length > 0) throw new Error(`${node}: ${errors.join("\n")}`);
}
