import type { Redis } from "ioredis";
import { strings } from "../cluster/connection.ts";
import { parseConfigFile } from "../topology/config-file.ts";
import type { NodeSpec } from "../topology/node-spec.ts";

/** The key by which a master is kept from taking writes: how many replicas must be in step for it to take them. */
export const MIN_REPLICAS = "min-replicas-to-write";

/** What redis.conf says. */
export const appliedMinReplicas = ({ files }: NodeSpec): string =>
  parseConfigFile(files["redis.conf"] ?? "").get(MIN_REPLICAS) ?? "0";

/** What the server runs with. */
export const runningMinReplicas = async (redis: Redis): Promise<string> =>
  (await strings(redis.config("GET", MIN_REPLICAS)))[1] ?? "0";

export const setMinReplicas = (redis: Redis, value: string): Promise<unknown> =>
  redis.config("SET", MIN_REPLICAS, value);
