import { randomBytes } from "node:crypto";
import { Redis, type RedisOptions } from "ioredis";

/**
 * Writes the keys `data:<from>` to `data:<to - 1>`, and ends when two replicas have them all. A program, since only a process in
 * the lab's network reaches its nodes: LOGIN=<options of ioredis as JSON> fill-data.ts <address> <port> <from> <to> <bytes of a value>
 */

const REPLICAS = 2;
/** 16 MB between two WAITs: far below the replica buffer's limit of 512 MiB, at which a replica begins with a full copy. */
const KEYS_AT_ONCE = 1000;
const WAIT_TIMEOUT_MS = 60_000;
/** A prime: neighbours are different parts of the same random bytes. */
const STEP = 7919;

const [host = "", ...numbers] = process.argv.slice(2);
const [port = 0, from = 0, to = 0, valueBytes = 0] = numbers.map(Number);
const random = randomBytes(1024 * 1024);
const login = JSON.parse(process.env["LOGIN"] ?? "{}") as RedisOptions;
const redis = new Redis({ host, port, ...login, maxRetriesPerRequest: 0 });
try {
  for (let first = from; first < to; first += KEYS_AT_ONCE) await write(first, Math.min(to, first + KEYS_AT_ONCE));
} finally {
  redis.disconnect();
}

async function write(first: number, end: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (let key = first; key < end; key++) {
    const start = (key * STEP) % (random.length - valueBytes);
    pipeline.set(`data:${key}`, random.subarray(start, start + valueBytes));
  }
  pipeline.wait(REPLICAS, WAIT_TIMEOUT_MS);
  const answers = (await pipeline.exec()) ?? [];
  const failed = answers.find(([error]) => error)?.[0];
  if (failed) throw failed;
  const replicas = answers.at(-1)?.[1];
  if (replicas !== REPLICAS) throw new Error(`${String(replicas)} of ${REPLICAS} replicas have the first ${end} keys`);
}
