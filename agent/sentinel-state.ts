import { createHash } from "node:crypto";
import { redisEndpoint, sameEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** A Sentinel's id follows from its name, so that one which lost its file comes back as itself and not as one more. */
export const sentinelId = (masterName: string, node: string): string =>
  createHash("sha1").update(`${masterName}/${node}`).digest("hex");

/**
 * The state file of a Sentinel that starts for the first time; redis-sentinel owns it from then on.
 * All peers are in it: Sentinel by itself would know the replicas only after up to 10 s (its INFO period), and until
 * it has met the others it would count too few voters.
 * @param dataNodes the nodes that may be told of as replicas; the master among them is left out
 */
export function seedSentinelState(
  spec: NodeSpec,
  master: Endpoint,
  epoch: number,
  dataNodes: readonly TopologyNode[],
): string {
  const name = spec.masterName;
  const sentinels = spec.peers.filter((node) => node.sentinelPort !== undefined);
  return [
    `sentinel myid ${sentinelId(name, spec.node.name)}`,
    `sentinel monitor ${name} ${master.address} ${master.port} ${spec.quorum}`,
    `sentinel config-epoch ${name} ${epoch}`,
    `sentinel leader-epoch ${name} ${epoch}`,
    `sentinel current-epoch ${epoch}`,
    ...replicaLines(name, master, dataNodes),
    ...sentinels.map(
      (node) => `sentinel known-sentinel ${name} ${node.address} ${node.sentinelPort} ${sentinelId(name, node.name)}`,
    ),
    "",
  ].join("\n");
}

/** The data nodes but the master. */
const replicaLines = (name: string, master: Endpoint, nodes: readonly TopologyNode[]): string[] =>
  nodes
    .filter((node) => node.redisPort !== undefined && !sameEndpoint(redisEndpoint(node), master))
    .map((node) => `sentinel known-replica ${name} ${node.address} ${node.redisPort}`);

/** Who is master, with which epoch, and who says so: "its peers". */
export interface KnownMaster {
  readonly master: Endpoint;
  readonly epoch: number;
  readonly source: string;
}

/**
 * Corrects the state file of a Sentinel that was away.
 * @param known the master and its epoch, where others know better
 * @param strangers nodes on whose port somebody else's server answers
 */
export function reconcileSentinelState(
  text: string,
  spec: NodeSpec,
  known: KnownMaster | undefined,
  strangers: readonly TopologyNode[] = [],
): { text: string; changes: string[] } {
  const changes: string[] = [];
  const name = spec.masterName;
  // Sentinel writes down with what it was started, and the template tells that anew: it does not undo what it does not name.
  let lines = text.split("\n").filter((line) => !/^(port|tls-\S+) /.test(line));
  const nodes = allNodes(spec).filter((node) => !strangers.includes(node));

  const own = ownView(text, name);
  if (known && (!sameEndpoint(own.master, known.master) || own.configEpoch < known.epoch)) {
    changes.push(`master ${known.master.address}:${known.master.port} with epoch ${known.epoch}, from ${known.source}`);
    lines = lines.filter(
      (line) => !isStateOf(line, name, ["config-epoch", "leader-epoch", "known-replica", "known-slave"]),
    );
    lines = lines.filter((line) => !/^sentinel current-epoch /.test(line));
    const epoch = Math.max(own.currentEpoch, known.epoch);
    lines = replaceMonitor(lines, spec, known.master, [
      `sentinel config-epoch ${name} ${known.epoch}`,
      `sentinel leader-epoch ${name} ${epoch}`,
      `sentinel current-epoch ${epoch}`,
      // By itself it would learn of them within 10 s, and lead no failover until then.
      ...replicaLines(name, known.master, nodes),
    ]);
  } else if (own.master && own.quorum !== spec.quorum) {
    changes.push(`quorum ${spec.quorum}`);
    lines = replaceMonitor(lines, spec, own.master, []);
  }

  const forgotten = lines.filter((line) => namesNobody(line, name, nodes));
  if (forgotten.length > 0) {
    changes.push(...forgotten.map((line) => `forgot ${line.replace(`sentinel known-`, "").replace(`${name} `, "")}`));
    lines = lines.filter((line) => !forgotten.includes(line));
  }
  return { text: lines.join("\n"), changes };
}

/**
 * The state with a master and an epoch that are new to the group, whatever it says itself: a Sentinel may have been
 * silent when the others were told of the master.
 * @param epoch higher than any that the group has had
 */
export function withMaster(text: string, spec: NodeSpec, master: Endpoint, epoch: number): string {
  if (!ownView(text, spec.masterName).master) return seedSentinelState(spec, master, epoch, allNodes(spec));
  return reconcileSentinelState(text, spec, { master, epoch, source: "a hand-over" }).text;
}

/** What a state file says of the master. */
export interface OwnView {
  readonly master?: Endpoint;
  readonly quorum?: number;
  readonly configEpoch: number;
  readonly currentEpoch: number;
}

export function ownView(text: string, name: string): OwnView {
  const words = (start: string): string[] | undefined =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${start} `))
      ?.slice(start.length + 1)
      .split(/\s+/);
  const monitor = words(`sentinel monitor ${name}`);
  return {
    ...(monitor ? { master: { address: monitor[0] ?? "", port: Number(monitor[1]) }, quorum: Number(monitor[2]) } : {}),
    configEpoch: Number(words(`sentinel config-epoch ${name}`)?.[0] ?? 0),
    currentEpoch: Number(words("sentinel current-epoch")?.[0] ?? 0),
  };
}

const isStateOf = (line: string, name: string, keys: readonly string[]): boolean =>
  keys.some((key) => line.startsWith(`sentinel ${key} ${name} `));

/** `after` follows the monitor line: Sentinel reads epochs only for a master that it already knows. */
function replaceMonitor(lines: readonly string[], spec: NodeSpec, master: Endpoint, after: string[]): string[] {
  const start = `sentinel monitor ${spec.masterName} `;
  return lines.flatMap((line) =>
    line.startsWith(start) ? [`${start}${master.address} ${master.port} ${spec.quorum}`, ...after] : [line],
  );
}

/** A known-replica or known-sentinel line with an address that none of the nodes has. */
function namesNobody(line: string, masterName: string, nodes: readonly TopologyNode[]): boolean {
  const [word, kind, name, address, port] = line.split(/\s+/);
  if (word !== "sentinel" || name !== masterName) return false;
  const endpoint = { address: address ?? "", port: Number(port) };
  if (kind === "known-replica" || kind === "known-slave") {
    return !nodes.some((node) => sameEndpoint(redisEndpoint(node), endpoint));
  }
  return kind === "known-sentinel" && !nodes.some((node) => sameEndpoint(sentinelEndpoint(node), endpoint));
}
