import type { Redis } from "ioredis";
import { redisEndpoint, redisStateOf } from "../../cluster/answers.ts";
import { parseInfo } from "../../cluster/connection.ts";
import type { Links } from "../../cluster/links.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { runningMinReplicas, setMinReplicas } from "../min-replicas.ts";
import { aofFiles, databaseAt, tailOf } from "./append-only-file.ts";
import type { MasterSample } from "./decide.ts";
import { readStream } from "./replication-stream.ts";
import { type RawCommand, remainderOf } from "./resp.ts";

/** A replica further behind than this has not only missed the last moment. */
const MOST_BYTES = 64 * 1024 * 1024;
/** What is played back keeps the clients waiting: this much takes about 0.2 s. */
const MOST_REPLAYED_BYTES = 8 * 1024 * 1024;
const STREAM_TIMEOUT_MS = 300;

/**
 * Makes a replica the master, with every write that the dead master's append-only file has.
 *
 * A reply may leave a server before the same write has gone to its replicas, so what is online and in step can still
 * lack the last few writes. The file has them. Both began at the same point, the last sample: what the replica
 * received from there on stands in its backlog, and is compared with the file; what the file has more is played back.
 * @returns what was played back, for the log
 * @throws when that cannot be proved or done. The node may be master then, and must be made a replica again
 */
export async function promote(
  links: Links,
  to: TopologyNode,
  sample: MasterSample,
  redisData: string,
): Promise<string> {
  const before = await stateOf(links, to);
  await links.server(to.name, (redis) => redis.replicaof("NO", "ONE"));
  const received = before.offset - sample.offset;
  if (received > MOST_BYTES) throw new Error(`${to.name} has received ${received} bytes since the last sample`);
  const files = aofFiles(redisData);
  if (!sample.aof || files?.manifest !== sample.aof.manifest)
    throw new Error("the append-only file was replaced since the last sample");
  const stream =
    received === 0
      ? Buffer.alloc(0)
      : await readStream(redisEndpoint(to), sample.replicationId, sample.offset, received, STREAM_TIMEOUT_MS);
  const { file, position } = sample.aof;
  const { commands, db } = remainderOf(stream, tailOf(file, position, MOST_BYTES));
  if (commands.length === 0) return `nothing is missing on ${to.name}`;
  const bytes = commands.reduce((sum, { start, end }) => sum + end - start, 0);
  if (bytes > MOST_REPLAYED_BYTES) throw new Error(`${to.name} lacks ${bytes} bytes of the append-only file`);
  await replay(links, to, db ?? databaseAt(file, position), commands);
  return `${commands.length} commands (${bytes} bytes) that ${to.name} lacked were played back from the append-only file`;
}

async function replay(links: Links, to: TopologyNode, db: number, commands: readonly RawCommand[]): Promise<void> {
  // The replicas are still on their way here, and a master that waits for them would refuse these writes.
  const minReplicas = await links.server(to.name, runningMinReplicas);
  await links.server(to.name, (redis) => setMinReplicas(redis, "0"));
  await links.server(to.name, (redis) => playAll(redis, db, commands));
  await links.server(to.name, (redis) => setMinReplicas(redis, minReplicas));
}

async function playAll(redis: Redis, db: number, commands: readonly RawCommand[]): Promise<void> {
  const sent = [
    redis.call("SELECT", db),
    ...commands.map(({ args: [name, ...args] }) => redis.call((name ?? Buffer.alloc(0)).toString("latin1"), ...args)),
    redis.call("SELECT", 0),
  ];
  const failed = (await Promise.allSettled(sent)).find((each) => each.status === "rejected");
  if (failed) throw new Error(`a command could not be played back: ${(failed.reason as Error).message}`);
}

const stateOf = (links: Links, node: TopologyNode) =>
  links.server(node.name, async (redis) => redisStateOf(parseInfo(await redis.info("replication"))));
