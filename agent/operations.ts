import { agreement } from "../cluster/links.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { onHost } from "../topology/host-places.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { withNodeLock } from "./apply.ts";
import { askAgent } from "./control.ts";
import { passGate } from "./gate.ts";
import { HandOverRefused, handOver, type HandOverReport, type HandOverRequest } from "./handover/handover.ts";
import { appliedSpec, type NodeFolder, nodeFolder, stateOf } from "./node-folder.ts";
import { nothingApplied, whyNotApplied } from "./not-applied.ts";
import { failOnError, passRoleOn, restartServer } from "./restart.ts";
import { serverNames } from "./server.ts";
import { type Report, retiredNodes, type Session, withSession } from "./session.ts";

/** A machine that goes down does not wait for an apply. */
const STOP_LOCK_WAIT_MS = 5000;

/** A cluster as the operator's command sees it, on the computer where it is run. */
export interface ClusterContext {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** The checkout. */
  readonly root: string;
  readonly report: Report;
}

/**
 * Hands the master's role over, to a node of choice or to the replica that has most. Touches nothing when that node is
 * master already: then `from` is `to`.
 * @throws HandOverRefused when it would not be safe, with the reason; nothing was touched then
 */
export function failover(
  context: ClusterContext,
  options: Pick<HandOverRequest, "to" | "onStep">,
): Promise<HandOverReport> {
  return withCluster(context, "failover", async (session) => {
    const { lock, links, folder, report } = session;
    if (!lock) throw tooFew(session);
    const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
    const named = links.named(sentinels)?.name;
    const isMaster = servers.some(({ node, state }) => node.name === named && state?.role === "master");
    if (named !== undefined && named === options.to && isMaster)
      return { from: named, to: named, grade: "fast", writeGapMs: 0 };
    return handOver({ links, lock, folder, ...options, report });
  });
}

export const masterLast = (nodes: readonly TopologyNode[], master: string | undefined): TopologyNode[] =>
  [...nodes].sort((a, b) => Number(a.name === master) - Number(b.name === master));

/**
 * Restarts every server and every Sentinel of the nodes, one at a time, the master's node last and after a hand-over.
 * @param nodes names @default - all
 * @returns what was done, in words
 */
export function roll(context: ClusterContext, { nodes }: { nodes?: readonly string[] }): Promise<string[]> {
  return withCluster(context, "roll", async (session) => {
    if (!session.lock) throw tooFew(session);
    const master = session.links.named(await session.links.askSentinels())?.name;
    const chosen = context.inventory.nodes.filter(({ name }) => nodes?.includes(name) ?? true);
    const order = masterLast(chosen, master);
    const done: string[] = [];
    for (const { name } of order) {
      const folder = folderOf(context, name);
      const spec = specOf(folder, name);
      const its: Session = { ...session, spec, folder };
      for (const server of serverNames(spec.node)) {
        const steps = await withNodeLock(spec, folder, () => restartServer(its, server, "roll"));
        for (const step of steps) {
          context.report(`${name}: ${step}`);
          done.push(`${name}: ${step}`);
        }
      }
    }
    return done;
  });
}

/**
 * Waits until the group can do without a node, all of it, for a moment.
 * @param verb what is about to be done: "rebooting"
 * @throws GateShut when it cannot, with the reason and the way out
 */
export function passGateFor(context: ClusterContext, name: string, verb: string): Promise<void> {
  return withCluster(context, "gate", async (session) => {
    const { links, spec, report } = session;
    const node = links.group.nodes.find((each) => each.name === name);
    if (!node) throw new Error(`${spec.environment} has no node ${name}`);
    const where = { environment: spec.environment, retired: () => retiredNodes(session), report };
    for (const server of serverNames(node)) await passGate(links, where, node, server, { verb });
  });
}

/**
 * Runs `use` in a session of the whole cluster, as its first node that was applied here knows it.
 * @param resume false = leave an interrupted hand-over as it is: `use` deals with it
 */
export async function withCluster<T>(
  context: ClusterContext,
  what: string,
  use: (session: Session) => Promise<T>,
  resume = true,
): Promise<T> {
  const folders = context.inventory.nodes.map(({ name }) => folderOf(context, name));
  const known = folders.find((folder) => appliedSpec(folder) !== undefined);
  const spec = known && appliedSpec(known);
  if (!spec) throw new HandOverRefused(nothingApplied(context.environment, folders, context.inventory.target));
  return withSession(spec, known, what, context.report, use, { resume });
}

function specOf(folder: NodeFolder, name: string): NodeSpec {
  const spec = appliedSpec(folder);
  if (!spec) throw new Error(`${name}: ${whyNotApplied(folder)}; apply it first`);
  return spec;
}

const tooFew = ({ links }: Session): HandOverRefused =>
  new HandOverRefused(
    `fewer than ${agreement(links.group)} of ${links.sentinels.length} Sentinels answer; npx redis-ha converge brings them up`,
  );

const folderOf = ({ root, environment, inventory }: ClusterContext, node: string): NodeFolder =>
  nodeFolder(stateOf(inventory, root), environment, node);

/**
 * Hands the role of a master over that is about to be stopped, by whoever supervises it. Never refuses: the machine may
 * be going down.
 * @returns what was done, in words
 */
export async function handOverToStop(spec: NodeSpec, folder: NodeFolder, report: Report): Promise<string[]> {
  const done: string[] = [];
  const use = async (session: Session): Promise<void> => {
    const { lock, links } = session;
    const master = links.named(await links.askSentinels())?.name === spec.node.name;
    if (!master) return;
    if (!lock) throw tooFew(session);
    // systemd starts nothing that redis-server is ordered after until that has stopped.
    done.push(...(await passRoleOn(session, { leaveEpoch: onHost(spec) })));
  };
  await withSession(spec, folder, `stop-of-${spec.node.name}`, report, use, { waitMs: STOP_LOCK_WAIT_MS }).catch(
    (error: Error) => report(`stops without a hand-over: ${error.message}`),
  );
  return done;
}

/** Stops a node's redis-server, after handing the master's role over where that is possible. */
export async function stopNode(spec: NodeSpec, folder: NodeFolder, report: Report): Promise<string[]> {
  const done = await handOverToStop(spec, folder, report);
  failOnError(spec.node.name, await askAgent(folder.socket, { do: "stop", server: "redis" }));
  return [...done, "redis stopped"];
}
