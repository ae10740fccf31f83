import { askRedis, askSentinels, quorumMaster, redisEndpoint, redisStateOf } from "../cluster/answers.ts";
import { parseInfo, withConnection } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { readJournal } from "./handover/journal.ts";
import { appliedMinReplicas, MIN_REPLICAS, setMinReplicas } from "./min-replicas.ts";
import { type NodeFolder, writeAtomically } from "./node-folder.ts";
import { inFailover } from "./role.ts";

/** Short, because a master that is to take writes again waits for it. */
const ASK_MS = 200;

/**
 * Settles a master that was started fenced: lifts the fence when a quorum of Sentinels names this node and no other says
 * that it is master, and makes it a replica when they name another that says so itself. Until then it takes no writes.
 * @param upMs how long this process of the server has been answering, in milliseconds @default - since ever
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
      const [sentinels, servers] = await Promise.all([
        askSentinels(nodes, spec.masterName, ASK_MS),
        askRedis(spec.peers, ASK_MS),
      ]);
      const named = quorumMaster(sentinels, spec.quorum, nodes);
      // A node that was just promoted is not named yet: the Sentinels still name the one that they are replacing.
      if (!named || inFailover(sentinels)) return false;
      // Until they have heard this very process, they may still be about to replace the one before.
      const heard = sentinels.filter(({ state: told }) => told && told.masterSilentMs < upMs).length;
      if (named.name === spec.node.name && heard < spec.quorum) return false;
      const masters = servers.filter((answer) => answer.state?.role === "master").map(({ node }) => node.name);
      if (named.name === spec.node.name ? masters.length > 0 : !masters.includes(named.name)) return false;
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
