import { type RedisState, redisStateOf } from "../../cluster/answers.ts";
import { parseInfo } from "../../cluster/connection.ts";
import type { Links } from "../../cluster/links.ts";
import { nameOf, reason } from "../../cluster/view.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { agentStatus } from "../agent-process.ts";
import { hasData, recordedRole } from "../claims.ts";
import { siblingFolder } from "../handover/journal.ts";
import { type NodeFolder, readIfThere } from "../node-folder.ts";

/** What there is to judge a data node by, when a person has to say which one is master. Null = not known. */
export interface DataEvidence {
  readonly node: string;
  readonly answers: boolean;
  /** What the server says of itself or, while it is down, what it recorded last. */
  readonly role: "master" | "replica" | null;
  /** Whom a replica follows: a node's name, or "address:port" of something that is no node. */
  readonly follows: string | null;
  /** Names one history of writes. Offsets of two nodes compare only when this is the same. */
  readonly replicationId: string | null;
  /** Bytes of that history that the node has. */
  readonly offset: number | null;
  readonly keys: number | null;
  /** Data files lie in the node's folder. */
  readonly hasData: boolean;
  /** Until when the node had all the data of its cluster, to the second and by its own clock, as ISO 8601. */
  readonly inStepUntil: string | null;
  /** It is down because its agent holds it back until a master is known; to start it takes a decision. */
  readonly waits: boolean;
  /** Why the server does not run. */
  readonly error: string | null;
}

/** Looks at every data node of the group, at its server and at its files. */
export function dataEvidence(links: Links, folder: NodeFolder): Promise<DataEvidence[]> {
  return Promise.all(links.servers.map(({ node }) => evidenceOf(links, node, siblingFolder(folder, node.name))));
}

async function evidenceOf(links: Links, node: TopologyNode, folder: NodeFolder): Promise<DataEvidence> {
  const own = await links
    .server(node.name, async (redis) => parseInfo(await redis.info()))
    .then(
      (info) => ({ info, state: redisStateOf(info) }),
      (error: Error) => ({ error: error.message }),
    );
  const inStep = Number(readIfThere(folder.inStep) ?? NaN);
  const common = {
    node: node.name,
    hasData: hasData(folder),
    inStepUntil: inStep > 0 ? new Date(inStep).toISOString() : null,
  };
  if ("state" in own) {
    const { state, info } = own;
    return { ...common, answers: true, ...running(links, state), keys: keysOf(info), waits: false, error: null };
  }
  const recorded = recordedRole(folder);
  const waiting = (await agentStatus(folder).catch(() => undefined))?.servers.redis?.error;
  return {
    ...common,
    answers: false,
    role: recorded.kind === "none" ? null : recorded.kind,
    follows: recorded.kind === "replica" ? nameOf(recorded.of, links.group.nodes) : null,
    replicationId: null,
    offset: null,
    keys: null,
    waits: waiting !== undefined && waiting !== null,
    error: waiting ?? reason(own.error),
  };
}

const running = (links: Links, { role, master, replicationId, offset }: RedisState) => ({
  role,
  follows: master ? nameOf(master, links.group.nodes) : null,
  replicationId,
  offset,
});

/** Over all databases. */
const keysOf = (info: Record<string, string>): number =>
  Object.entries(info)
    .filter(([key]) => /^db\d+$/.test(key))
    .reduce((sum, [, value]) => sum + Number(/keys=(\d+)/.exec(value)?.[1] ?? 0), 0);

/** Two nodes note the time to the second, and clocks of two computers differ. */
const SAME_TIME_MS = 2000;

/** How a person decides, by what is there. */
export function advice(evidence: readonly DataEvidence[], environment: string): string {
  const withData = evidence.filter(({ hasData: has }) => has);
  if (withData.length === 0) return "No node has data: remove the environment's folder and apply, to begin anew.";
  const silent = withData.filter(({ answers, waits }) => !answers && !waits).map(({ node }) => node);
  const first =
    silent.length === 0
      ? ""
      : `First bring ${silent.join(" and ")} up, if that can be done (npx redis-ha converge --env ${environment}): ` +
        `the cluster may then know by itself. `;
  return `${first}${byHistory(withData)} The others follow the one that you choose; what they had is kept in a folder beside their data.`;
}

function byHistory(withData: readonly DataEvidence[]): string {
  const histories = new Set(withData.map(({ replicationId }) => replicationId));
  const [most] = [...withData].sort((a, b) => (b.offset ?? 0) - (a.offset ?? 0));
  if (histories.size === 1 && !histories.has(null)) {
    return `All nodes share one history, so the highest offset has the most: ${most?.node}.`;
  }
  const why = histories.has(null)
    ? "A node that does not answer tells no offset"
    : "The histories differ, so offsets do not compare";
  const [newest, next] = [...withData].sort((a, b) => timeOf(b) - timeOf(a));
  const clear = newest && newest.inStepUntil !== null && timeOf(newest) - (next ? timeOf(next) : 0) > SAME_TIME_MS;
  return (
    `${why}. Look at until when each was in step (${clear ? `the latest: ${newest.node}` : "they do not differ by enough to tell"}), ` +
    `at the number of keys, and at what your application wrote last (redis-cli on a node that answers).`
  );
}

const timeOf = ({ inStepUntil }: DataEvidence): number => (inStepUntil === null ? 0 : Date.parse(inStepUntil));
