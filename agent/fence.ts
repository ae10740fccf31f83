import {
  askRedis,
  askSentinels,
  quorumMaster,
  redisEndpoint,
  redisStateOf,
  type SentinelAnswer,
} from "../cluster/answers.ts";
import { parseInfo, withConnection } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { readJournal } from "./handover/journal.ts";
import { appliedMinReplicas, MIN_REPLICAS, setMinReplicas } from "./min-replicas.ts";
import { type NodeFolder, writeAtomically } from "./node-folder.ts";
import { inFailover } from "./role.ts";

/** Short, because a master that is to take writes again waits for it. */
const ASK_MS = 200;

/** A Sentinel goes by what another one told it for five of its questions, one a second. */
const HEARSAY_MS = 6000;

/**
 * Whether a Sentinel may still replace the master although that is back. One that takes it for down needs no second
 * opinion of now: it counts what the others said seconds ago, and the failover that it begins is not called off.
 * @param upMs how long it has been possible to hear the master, in milliseconds
 */
export function mayReplace({ state, refused }: SentinelAnswer, upMs: number): boolean {
  if (!state) return refused !== true && upMs < HEARSAY_MS;
  return /\b(s_down|o_down|failover_in_progress)\b/.test(state.flags) || state.masterSilentMs >= upMs;
}

/**
 * Settles a master that was started fenced: lifts the fence when a quorum of Sentinels names this node, none of them may
 * still replace it, and no other node says that it is master, and makes it a replica when they name another that says so
 * itself or is down: as a master it would have no priority in Sentinel's eyes. Until then it takes no writes.
 * @param upMs how long this process of the server has been answering its peers, in milliseconds @default - since ever
 * @returns whether it is settled
 */
export async function confirmMaster(
  spec: NodeSpec,
  folder: NodeFolder,
  log: (message: string) => void,
  upMs = Infinity,
): Promise<boolean> {
  const self = redisEndpoint(spec.node);
  return withConnection(self, async (redis) => {
    const state = redisStateOf(parseInfo(await redis.info()));
    if (state.loading) return false;
    let { role } = state;
    if (role === "master") {
      const nodes = allNodes(spec);
      const sentinels = await askSentinels(nodes, spec.masterName, ASK_MS);
      const named = quorumMaster(sentinels, spec.quorum, nodes);
      // A node that was just promoted is not named yet: the Sentinels still name the one that they are replacing.
      if (!named || inFailover(sentinels)) return false;
      if (named.name === spec.node.name && sentinels.some((answer) => mayReplace(answer, upMs))) return false;
      const servers = await askRedis(spec.peers, ASK_MS);
      const masters = servers.filter((answer) => answer.state?.role === "master").map(({ node }) => node.name);
      // Nobody has promoted this process, and whoever they name is down: the node is what it would start as now.
      const left = state.former === undefined && !servers.some(({ node, state }) => state && node.name === named.name);
      if (named.name === spec.node.name ? masters.length > 0 : !masters.includes(named.name) && !left) return false;
      // Somebody may have become master in a hand-over that has not ended.
      if (named.name === spec.node.name && readJournal(folder) !== undefined) return false;
      if (named.name !== spec.node.name) {
        const master = redisEndpoint(named);
        log(`redis: a quorum of Sentinels names ${named.name}: becomes its replica`);
        await redis.replicaof(master.address, master.port);
        await redis.config("REWRITE");
        role = "replica";
      }
    }
    const wanted = appliedMinReplicas(spec);
    await setMinReplicas(redis, wanted);
    log(`redis: settled as ${role}; ${MIN_REPLICAS} is ${wanted} again`);
    return true;
  });
}

/** Notes that this node holds the group's data: as master, or as a replica that has received it. */
export async function rememberData(spec: NodeSpec, folder: NodeFolder): Promise<void> {
  await withConnection(redisEndpoint(spec.node), async (redis) => {
    const state = redisStateOf(parseInfo(await redis.info()));
    const holdsData = state.role === "master" || (state.link === "up" && !state.syncing);
    if (!state.loading && holdsData) writeAtomically(folder.initialised, `${new Date().toISOString()}\n`);
  });
}
