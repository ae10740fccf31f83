import fs from "node:fs";
import { redisEndpoint, sameEndpoint } from "../../cluster/answers.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import type { Link } from "../../cluster/links.ts";
import type { ElectPart } from "../../remote/request.ts";
import { onHost } from "../../topology/host-places.ts";
import { ensureAgent } from "../agent-process.ts";
import { withNodeLock } from "../apply.ts";
import { roleClaims } from "../claims.ts";
import { askAgent } from "../control.ts";
import { aofFiles, setAside } from "../crash/append-only-file.ts";
import { removeJournal, siblingFolder } from "../handover/journal.ts";
import { appliedSpec, type NodeFolder, writeAtomically } from "../node-folder.ts";
import { type ClusterContext, withCluster } from "../operations.ts";
import { failOnError } from "../restart.ts";
import { ownNode, retiredNodes, type Session } from "../session.ts";
import { type DataEvidence, dataEvidence } from "./data-evidence.ts";
import { judge } from "./judge.ts";
import { repair, type RepairReport } from "./repair.ts";
import { follow } from "../follow.ts";

/** The node must not, or cannot, be chosen as master. Nothing was touched. */
class ElectRefused extends Error {
  override name = "ElectRefused";
}

/** What there is to decide by, and the master that is not in doubt, if there is one. Changes nothing. */
export function electEvidence(context: ClusterContext): Promise<{ nodes: DataEvidence[]; master: string | undefined }> {
  const use = async (session: Session): Promise<{ nodes: DataEvidence[]; master: string | undefined }> => ({
    nodes: await dataEvidence(session.links, session.folder),
    master: await undoubted(session),
  });
  return withCluster(context, "elect", use, false);
}

/** @throws ElectRefused when there is nothing to decide */
export function refuseIfDecided(master: string | undefined, chosen: string): void {
  if (master === undefined) return;
  throw new ElectRefused(
    master === chosen
      ? `${chosen} is master already, and the Sentinels name it; what else is wrong, npx redis-ha repair mends`
      : `${master} is master, and the Sentinels name it: there is nothing to decide. ` +
          `To hand its role over without losing a write: npx redis-ha failover --to ${chosen}`,
  );
}

/**
 * Makes a node master because the operator says so, for when nobody is master and nobody can know whose data is the
 * newest. Every other data node follows it and takes its data; what a node had besides stays in a folder beside its
 * data. Can be killed at any step and run again.
 * @throws ElectRefused when a master exists that the Sentinels name, or when the node has no data
 */
export async function elect(context: ClusterContext, { node }: { node: string }): Promise<RepairReport> {
  const done = await withCluster(context, "elect", (session) => promote(session, node), false);
  const { done: mended, left } = await repair(context);
  return { done: [...done, ...mended], left };
}

/**
 * One part of an election, on a host: `yield` on every other host, `promote` on that of the chosen node, `follow` on the
 * others again.
 * @returns what was done, in words
 */
export function electOnHost(
  context: ClusterContext,
  part: Exclude<ElectPart, "evidence">,
  node: string,
): Promise<string[]> {
  const parts = { yield: yieldTo, promote: promoteChosen, follow: followChosen };
  const use = async (session: Session): Promise<string[]> => {
    // Where the chosen one is not seen as master yet, or is: anything else is a master that somebody else has found.
    const master = await undoubted(session);
    if (master !== node) refuseIfDecided(master, node);
    return withNotes(session, node, parts[part]);
  };
  return withCluster(context, "elect", use, false);
}

function promote(session: Session, name: string): Promise<string[]> {
  return withNotes(session, name, async (election) => {
    await refuseUnlessPossible(election);
    yieldTo(election);
    await promoteChosen(election);
    await followChosen(election);
  });
}

interface Election {
  readonly session: Session;
  readonly chosen: TopologyNode;
  /** The other data nodes; on a host, where it has its own node's files only, itself if it is one of them. */
  readonly others: readonly Link[];
  readonly note: (line: string) => void;
}

async function withNotes(
  session: Session,
  name: string,
  use: (election: Election) => void | Promise<void>,
): Promise<string[]> {
  const { links, report, spec } = session;
  const chosen = links.servers.find(({ node }) => node.name === name)?.node;
  if (!chosen) throw new ElectRefused(`${name} has no redis-server, so it cannot be master`);
  const others = links.servers.filter(
    ({ node }) => node.name !== name && (!onHost(spec) || node.name === spec.node.name),
  );
  const done: string[] = [];
  const note = (line: string): void => {
    done.push(line);
    report(line);
  };
  await use({ session, chosen, others, note });
  return done;
}

async function refuseUnlessPossible({ session, chosen }: Election): Promise<void> {
  refuseIfDecided(await undoubted(session), chosen.name);
  await refuseWithoutData(session, chosen.name);
}

/** Those that are down first, so that none of them starts as a master beside the chosen one. */
function yieldTo({ session, chosen, others, note }: Election): void {
  // The choice outranks what an interrupted hand-over meant to do.
  for (const { node } of session.links.servers) removeJournal(siblingFolder(session.folder, node.name));
  for (const { node, connection } of others) {
    const folder = siblingFolder(session.folder, node.name);
    if (connection.connected || !fs.existsSync(folder.redisData)) continue;
    keep(folder, node, note);
    const { address, port } = redisEndpoint(chosen);
    writeAtomically(folder.runtimeConf, `replicaof ${address} ${port}\n`);
  }
}

async function promoteChosen(election: Election): Promise<void> {
  const { session, chosen, note } = election;
  await refuseUnlessPossible(election);
  await start(session, chosen);
  note(`${chosen.name} is master`);
}

async function followChosen({ session, chosen, others, note }: Election): Promise<void> {
  const states = await session.links.askServers();
  for (const { node } of others) {
    const state = states.find((answer) => answer.node.name === node.name)?.state;
    if (!state) continue;
    if (state.link !== "up" || !sameEndpoint(state.master, redisEndpoint(chosen)))
      keep(siblingFolder(session.folder, node.name), node, note);
    await follow(node, chosen);
    note(`${node.name} follows ${chosen.name}`);
  }
}

/** The node that says that it is master, that the Sentinels name, and that has no rival. */
async function undoubted(session: Session): Promise<string | undefined> {
  const { links, folder } = session;
  const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const verdict = judge({
    group: links.group,
    servers,
    sentinels,
    claims: roleClaims(servers, folder),
    own: ownNode(session),
  });
  if (!("master" in verdict) || verdict.rivals.length > 0) return undefined;
  return verdict.master.name === links.named(sentinels)?.name ? verdict.master.name : undefined;
}

async function refuseWithoutData({ links, folder }: Session, chosen: string): Promise<void> {
  const own = (await dataEvidence(links, folder)).find(({ node }) => node === chosen);
  if (!own?.hasData) {
    throw new ElectRefused(`${chosen} has no data: as master it would make every other node empty too`);
  }
}

/** A server that runs changes its role; one that waits, or is down, starts in it. */
async function start(session: Session, chosen: TopologyNode): Promise<void> {
  const { links } = session;
  const folder = siblingFolder(session.folder, chosen.name);
  const running = await links
    .server(chosen.name, (redis) => redis.ping())
    .then(
      () => true,
      (error: Error) => error.name === "ReplyError",
    );
  if (running) {
    await links.server(chosen.name, async (redis) => {
      await redis.replicaof("NO", "ONE");
      await redis.config("REWRITE");
    });
    return;
  }
  const spec = appliedSpec(folder);
  if (!spec || retiredNodes(session).includes(chosen.name)) {
    throw new ElectRefused(`${chosen.name} is not applied on this computer, so it cannot be started; apply it first`);
  }
  writeAtomically(folder.elected, `${new Date().toISOString()}\n`);
  await withNodeLock(spec, folder, async () => {
    await ensureAgent(folder, [], onHost(spec));
    const response = await askAgent(folder.socket, { do: "ensure" });
    // Its Sentinel may still wait for a master to be known: the next step starts it.
    failOnError(chosen.name, { ...response, servers: { redis: response.servers.redis ?? { pid: null, error: null } } });
  });
}

/** What a node has and the chosen one may lack can be looked at later. */
function keep(folder: NodeFolder, node: TopologyNode, note: (line: string) => void): void {
  if (aofFiles(folder.redisData)) note(`what ${node.name} had is kept in ${setAside(folder.redisData)}`);
}
