import type { Redis } from "ioredis";
import { redisEndpoint } from "../cluster/answers.ts";
import { withConnection } from "../cluster/connection.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { Ledger, Lost } from "./ledger.ts";

/** For one command of at most `KEYS_AT_ONCE` keys of 8 KB, in milliseconds. */
const CHECK_TIMEOUT_MS = 5000;
const KEYS_AT_ONCE = 100;

/**
 * What a master does not have of the writes that were acknowledged.
 * To be asked after the writers have stopped, of the master that is left when the cluster is whole again.
 * @returns in the order of the ledgers
 * @throws Unreachable when the master does not answer
 */
export function lostWrites(master: TopologyNode, ledgers: readonly Ledger[]): Promise<Lost[]> {
  return withMaster(master, async (redis) => {
    const lost: Lost[] = [];
    for (const ledger of ledgers) {
      const values: (Buffer | null)[] = [];
      for (const keys of inBatches(ledger.keys)) values.push(...(await redis.mgetBuffer(keys)));
      lost.push(ledger.lost(values));
    }
    return lost;
  });
}

/**
 * Removes what the writers have written, and no other key.
 * @throws Unreachable when the master does not answer
 */
export function removeKeys(master: TopologyNode, ledgers: readonly Ledger[]): Promise<void> {
  return withMaster(master, async (redis) => {
    for (const keys of inBatches(ledgers.flatMap((ledger) => ledger.keys))) await redis.unlink(keys);
  });
}

const withMaster = <T>(master: TopologyNode, use: (redis: Redis) => Promise<T>): Promise<T> =>
  withConnection(redisEndpoint(master), use, CHECK_TIMEOUT_MS);

const inBatches = (keys: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(keys.length / KEYS_AT_ONCE) }, (_, batch) =>
    keys.slice(batch * KEYS_AT_ONCE, (batch + 1) * KEYS_AT_ONCE),
  );
