import { redisEndpoint } from "../../cluster/answers.ts";
import { parseInfo } from "../../cluster/connection.ts";
import type { Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { runningMinReplicas } from "../min-replicas.ts";
import { waitFor } from "../processes.ts";
import { announce } from "./announce.ts";
import type { OnStep } from "./handover.ts";
import type { MonitorSettings } from "./journal.ts";

/** Replicas that go on from where they were are there within milliseconds; the clients are not kept waiting for more. */
const REPLICAS_TIMEOUT_MS = 200;

/**
 * Makes everybody follow a node that is master already: the other replicas first, because Sentinels that are told of a
 * master without replicas would know nobody to fail over to; then the Sentinels; then the clients of the old master,
 * whose connections are closed so that they ask the Sentinels again.
 *
 * Does no harm when it is done twice.
 */
export async function passedOn(step: {
  readonly links: Links;
  readonly from: TopologyNode | undefined;
  readonly to: TopologyNode;
  readonly settings: MonitorSettings;
  readonly onStep?: OnStep;
}): Promise<void> {
  const { links, from, to, settings, onStep = () => undefined } = step;
  await Promise.all([followMaster(links, to, from), writeRoleDown(links, to)]);
  onStep("followed");
  await announce(links, to, settings, () => onStep("forgotten"));
  onStep("told");
  await untilWritable(links, to);
  if (from) await releaseClients(links, from);
  onStep("released");
  await rewriteAll(links);
  onStep("rewritten");
}

/** Points every other data node that answers at the new master; the old one has turned to it already. */
async function followMaster(links: Links, to: TopologyNode, from: TopologyNode | undefined): Promise<void> {
  const { address, port } = redisEndpoint(to);
  await Promise.all(
    links.servers
      .filter(({ node, connection }) => node.name !== to.name && node.name !== from?.name && connection.connected)
      .map(({ connection }) => connection.ask((redis) => redis.replicaof(address, port)).catch(() => undefined)),
  );
}

/**
 * Before anybody is told: a new master that dies while its file still says that it is a replica would come back as one,
 * of a node that follows it.
 */
async function writeRoleDown(links: Links, to: TopologyNode): Promise<void> {
  await links.server(to.name, (redis) => redis.config("REWRITE")).catch(() => undefined);
}

/** A master that refuses writes until replicas are in step has them before its clients come. */
async function untilWritable(links: Links, to: TopologyNode): Promise<void> {
  const writable = async (): Promise<true | undefined> => {
    const [info, needed] = await links.server(to.name, (redis) =>
      Promise.all([redis.info("replication"), runningMinReplicas(redis)]),
    );
    const good = parseInfo(info)["min_slaves_good_slaves"];
    return good === undefined || Number(good) >= Number(needed) ? true : undefined;
  };
  await waitFor(`${to.name} accepts writes`, writable, REPLICAS_TIMEOUT_MS, 2).catch(() => undefined);
}

/**
 * Sends the clients of a former master to the new one: their connections are closed while their writes still wait, so
 * that they see a lost connection, which clients repair, and no error.
 */
export async function releaseClients(links: Links, from: TopologyNode): Promise<void> {
  const kill = async (type: "normal" | "pubsub"): Promise<void> => {
    await links.server(from.name, (redis) => redis.call("CLIENT", "KILL", "TYPE", type)).catch(() => undefined);
  };
  await kill("normal");
  await kill("pubsub");
  await links.server(from.name, (redis) => redis.call("CLIENT", "UNPAUSE")).catch(() => undefined);
}

/** The roles are written down, so that a restart keeps them. One that cannot write is `verify`'s to report. */
export async function rewriteAll(links: Links): Promise<void> {
  await Promise.all(
    links.servers.map(({ connection }) => connection.ask((redis) => redis.config("REWRITE")).catch(() => undefined)),
  );
}
