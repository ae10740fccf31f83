import { Redis } from "ioredis";
import { HEARTBEAT_MS, loginOf, recommendedOptions } from "../cli/client-options.ts";
import type { ClientLogins } from "../secrets/logins.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";

/** `defaults`: ioredis as it comes. `recommended`: with the options of `redis-ha connect --ioredis`. */
export const clientKinds = ["defaults", "recommended"] as const;
export type ClientKind = (typeof clientKinds)[number];

/**
 * A client through the Sentinels, with all that its kind has and nothing else. It connects at once.
 * The caller ends it with `disconnect`.
 */
export function createClient(
  kind: ClientKind,
  inventory: Pick<InventoryEnvironment, "nodes" | "masterName">,
  role: "master" | "slave",
  logins: ClientLogins,
): Redis {
  const recommended = recommendedOptions(inventory, role, logins);
  const { sentinels, name } = recommended;
  const login = loginOf(role, logins);
  const redis = new Redis(kind === "recommended" ? recommended : { sentinels, name, role, ...login });
  // Each failed attempt to connect is an event; what counts is what becomes of the commands.
  redis.on("error", () => undefined);
  if (kind === "recommended") {
    const heartbeat = setInterval(() => {
      if (redis.status === "ready") redis.ping().catch(() => undefined);
    }, HEARTBEAT_MS);
    redis.once("end", () => clearInterval(heartbeat));
  }
  return redis;
}
