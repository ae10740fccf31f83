import { Redis } from "ioredis";

/** Where one server listens. The only place that turns an endpoint into a connection is this file. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The server could not be asked: refused, timed out, or closed the connection. */
export class Unreachable extends Error {
  override name = "Unreachable";
  constructor(
    readonly endpoint: Endpoint,
    readonly reason: string,
  ) {
    super(`${endpoint.address}:${endpoint.port}: ${reason}`);
  }
}

/** Time for one question to one server, in milliseconds, unless the caller knows better. */
export const ASK_TIMEOUT_MS = 500;

/**
 * Runs `use` with a connection of its own and closes it, whatever happens.
 * Nothing is retried: whoever asks decides what silence means.
 * @param timeoutMs bound on connecting and, separately, on each command
 * @throws Unreachable when the server cannot be reached or goes away; a server's own error replies pass through
 */
export async function withConnection<T>(
  endpoint: Endpoint,
  use: (redis: Redis) => Promise<T>,
  timeoutMs: number = ASK_TIMEOUT_MS,
): Promise<T> {
  const redis = new Redis({
    host: endpoint.address,
    port: endpoint.port,
    lazyConnect: true,
    // Without HELLO and with the name sent below, a hung server costs one time-out, not one for each greeting.
    protocol: 2,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // A hung server never answers the FIN; the default keeps the process, and a failed connect(), waiting for 2 s.
    disconnectTimeout: 20,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
  // The promise of connect() carries less than the event does ("Connection is closed."), so keep the event's cause.
  let cause: Error | undefined;
  redis.on("error", (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    redis.client("SETNAME", "redis-ha").catch(() => undefined);
    return await use(redis);
  } catch (error) {
    const seen = error as Error & { code?: string };
    if (cause ?? isConnectionFault(seen)) throw new Unreachable(endpoint, reasonOf(cause ?? seen));
    throw seen;
  } finally {
    redis.disconnect();
  }
}

/** What ioredis throws when the connection, and not the server's answer or the caller, is at fault. */
const isConnectionFault = (error: Error & { code?: string }): boolean =>
  error.code !== undefined ||
  error.name === "MaxRetriesPerRequestError" ||
  /^(Command timed out|Connection is closed|Stream isn't writeable|connect E)/.test(error.message);

function reasonOf(error: Error & { code?: string }): string {
  if (error.code === "ECONNREFUSED") return "connection refused";
  if (error.code === "ETIMEDOUT" || /^(Command timed out|connect ETIMEDOUT)/.test(error.message)) {
    return "no answer in time";
  }
  return error.message;
}

/** The fields of an INFO reply. */
export function parseInfo(reply: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of reply.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return fields;
}

/** A flat list of keys and values, as CONFIG GET and SENTINEL MASTER answer. */
export function pairs(reply: unknown): Record<string, string> {
  const list = reply as string[];
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) fields[list[i] as string] = list[i + 1] as string;
  return fields;
}
