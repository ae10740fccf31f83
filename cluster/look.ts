import { setTimeout as delay } from "node:timers/promises";
import { onHost } from "../topology/host-places.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import type { Hosts } from "../remote/hosts.ts";
import type { Described } from "../remote/request.ts";
import type { RedisAnswer, SentinelAnswer } from "./answers.ts";
import {
  askForEvidence,
  expectationOf,
  localFacts,
  type NodeFacts,
  type ServerEvidence,
  synthesizedSpec,
} from "./evidence.ts";
import { checks, type Finding, holds } from "./verify.ts";
import { type ClusterView, clusterView, viewOf } from "./view.ts";

export interface LookOptions {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** The checkout. */
  readonly root: string;
  /** @default - the nodes are on this computer */
  readonly hosts?: Hosts | undefined;
  /** Look again until everything holds, at most this long. @default 0, one look */
  readonly waitMs?: number;
  /** Told what does not hold yet, before it is looked at again. */
  readonly onWaiting?: (open: readonly Finding[]) => void;
}

/** Often enough to feel immediate; each look costs every server a CONFIG REWRITE. */
const LOOK_AGAIN_MS = 500;

/**
 * Cross-checks every node and Sentinel, as `redis-ha verify` does.
 * @throws when a synthesized spec is missing or not readable
 */
export async function lookAt({
  environment,
  inventory,
  root,
  hosts,
  waitMs = 0,
  onWaiting = () => undefined,
}: LookOptions): Promise<Finding[]> {
  const end = performance.now() + waitMs;
  // On a host there is no checkout; what the node was told last is what it is held to.
  const isHost = onHost(inventory) && !hosts;
  const synthesized = (node: string) => (isHost ? undefined : synthesizedSpec(environment, node, root));
  const look = async (): Promise<Finding[]> => {
    const [facts, servers] = await Promise.all([
      hosts ? factsOf(hosts) : localFacts(environment, inventory, root),
      hosts ? hosts.any<ServerEvidence>({ want: "evidence" }) : askForEvidence(inventory),
    ]);
    const files = new Map([...facts].map(([name, its]) => [name, its.files]));
    return checks({ ...servers, files }, expectationOf(environment, inventory, facts, synthesized));
  };
  let findings = await look();
  while (!holds(findings) && performance.now() < end) {
    onWaiting(findings.filter((each) => !each.holds));
    await delay(Math.min(LOOK_AGAIN_MS, Math.max(0, end - performance.now())));
    findings = await look();
  }
  return findings;
}

async function factsOf(hosts: Hosts): Promise<Map<string, NodeFacts>> {
  const answers = await hosts.all<NodeFacts>(({ name }) => ({ want: "facts", node: name }));
  return new Map([...answers].flatMap(([name, facts]) => (facts instanceof Error ? [] : [[name, facts] as const])));
}

/** What every server and Sentinel says, asked from here or from one of the hosts. */
export interface Answers {
  readonly redis: readonly RedisAnswer[];
  readonly sentinels: readonly SentinelAnswer[];
}

/** The view of a cluster, wherever its nodes are. */
export async function viewFrom({ environment, inventory }: Described, hosts: Hosts | undefined): Promise<ClusterView> {
  if (!hosts) return clusterView(environment, inventory);
  const { redis, sentinels } = await hosts.any<Answers>({ want: "answers" });
  return viewOf(environment, inventory, redis, sentinels);
}
