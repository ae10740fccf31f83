import { redisEndpoint } from "../cluster/answers.ts";
import { withConnection } from "../cluster/connection.ts";
import type { TopologyNode } from "../topology/topology.ts";

/** REPLICAOF drops the data that a replica has, and CONFIG REWRITE waits for the disk. */
const FOLLOW_TIMEOUT_MS = 5000;

/** Makes a running server a replica, and its file say so. @throws Unreachable, or the server's own error */
export function follow(node: TopologyNode, master: TopologyNode): Promise<void> {
  const { address, port } = redisEndpoint(master);
  return withConnection(
    redisEndpoint(node),
    async (redis) => {
      await redis.replicaof(address, port);
      await redis.config("REWRITE");
    },
    FOLLOW_TIMEOUT_MS,
  );
}
