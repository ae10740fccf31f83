import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { Redis, type RedisOptions } from "ioredis";
import { accessTo } from "./access.ts";
import { Connector } from "./connector.ts";

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

  /** Nobody listens there: the process is down, or a firewall says so. */
  get refused(): boolean {
    return this.reason === REFUSED;
  }

  /** Somebody listens there who does not know us, or whom we do not believe: another server, or ours with other secrets. */
  get notLetIn(): boolean {
    return this.reason.startsWith(NOT_LET_IN);
  }

  /** It is ours: its certificate was one that we believe, in its time. */
  get expired(): boolean {
    return this.reason === EXPIRED;
  }
}

const REFUSED = "connection refused";
/** Codes of Node and OpenSSL for a server that speaks no TLS, or shows a certificate that we do not believe. */
const STRANGERS_CERTIFICATE =
  /^(EPROTO|ERR_SSL_|ERR_TLS_CERT_|CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY))/;
const NOT_LET_IN =
  "it does not let us in: it is not of this cluster, or has not been given the secrets that were made last";

const EXPIRED = "its certificate has expired; renew it (docs/security.md)";

/** Time for one question to one server, in milliseconds, unless the caller knows better. */
export const ASK_TIMEOUT_MS = 500;

/** What every connection of this project has in common: it says at once what is wrong, and hides nothing by itself. */
const common = (endpoint: Endpoint, timeoutMs: number): RedisOptions => ({
  host: endpoint.address,
  port: endpoint.port,
  ...accessTo(endpoint),
  Connector,
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
  autoResendUnfulfilledCommands: false,
  disableClientInfo: true,
});

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
  const redis = new Redis({ ...common(endpoint, timeoutMs), retryStrategy: () => null });
  // The promise of connect() carries less than the event does ("Connection is closed."), so keep the event's cause.
  let cause: Error | undefined;
  redis.on("error", (error: Error) => {
    cause ??= error;
  });
  try {
    await redis.connect();
    redis.client("SETNAME", CLIENT_NAME).catch(() => undefined);
    return await use(redis);
  } catch (error) {
    throw cause ? new Unreachable(endpoint, reasonOf(cause)) : asUnreachable(endpoint, error as Error);
  } finally {
    redis.disconnect();
  }
}

/** The certificate that the server on the other side has shown; undefined without TLS. */
export const shownCertificate = (redis: Redis): X509Certificate | undefined =>
  (redis.stream as Partial<TLSSocket>).getPeerX509Certificate?.();

/** The name of this project's connections in CLIENT LIST. */
export const CLIENT_NAME = "redis-ha";

/** A kept connection is given up after silence of this many times the time for one answer. */
const SILENCES = 4;

/** Pause before a kept connection that was lost is opened again, in milliseconds. */
const RECONNECT_MS = 100;

/**
 * A connection that stays: opened in the background, and again whenever it is lost, until `close`. A command given
 * while it is down fails at once.
 */
export class KeptConnection {
  private readonly redis: Redis;
  /** Why the last attempt to connect failed; undefined while connected. */
  private fault: Error | undefined;
  private wasConnected = false;
  private onceSettled: (() => void)[] = [];
  /** Goes up with every new connection: what was set on an older one, such as its name, is gone. */
  generation = 0;

  constructor(
    readonly endpoint: Endpoint,
    timeoutMs: number,
    onLost: () => void = () => undefined,
  ) {
    this.redis = new Redis({
      ...common(endpoint, timeoutMs),
      retryStrategy: () => {
        // Passwords may have been replaced since.
        Object.assign(this.redis.options, accessTo(endpoint));
        return RECONNECT_MS;
      },
      // One that was cut off would stay dead long after the network is back, since TCP tries ever more seldom; and what
      // was asked in vain would pile up for an answer of a server that hangs.
      socketTimeout: SILENCES * timeoutMs,
    });
    this.redis.on("error", (error: Error) => {
      this.fault = error;
      this.settle();
    });
    // Not "connect": until the server has let us in, it takes no command.
    this.redis.on("ready", () => {
      this.fault = undefined;
      this.wasConnected = true;
      this.generation++;
      this.redis.client("SETNAME", CLIENT_NAME).catch(() => undefined);
      this.settle();
    });
    this.redis.on("close", () => {
      // Until the next attempt nothing is known: whoever restarts is neither there nor gone.
      const lost = this.wasConnected;
      this.wasConnected = false;
      if (lost) onLost();
    });
    this.redis.connect().catch(() => undefined);
  }

  get connected(): boolean {
    return this.redis.status === "ready";
  }

  /** Nobody listens there: the process is down, or a firewall says so. */
  get refused(): boolean {
    return !this.connected && (this.fault as { code?: string } | undefined)?.code === "ECONNREFUSED";
  }

  /** Resolves when the first attempt has ended, one way or the other. */
  attempted(): Promise<void> {
    if (this.connected || this.fault !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.onceSettled.push(resolve));
  }

  /** @throws Unreachable when the server cannot be reached or goes away; a server's own error replies pass through */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await question(this.redis);
    } catch (error) {
      throw asUnreachable(this.endpoint, (!this.connected && this.fault) || (error as Error));
    }
  }

  close(): void {
    this.redis.disconnect();
    this.settle();
  }

  private settle(): void {
    for (const resolve of this.onceSettled.splice(0)) resolve();
  }
}

function asUnreachable(endpoint: Endpoint, error: Error & { code?: string }): Error {
  return isConnectionFault(error) ? new Unreachable(endpoint, reasonOf(error)) : error;
}

/** What ioredis throws when the connection, and not the server's answer or the caller, is at fault. */
const isConnectionFault = (error: Error & { code?: string }): boolean =>
  error.code !== undefined ||
  error.name === "MaxRetriesPerRequestError" ||
  /^(WRONGPASS|NOAUTH|Command timed out|Connection is closed|Stream isn't writeable|connect E|Socket closed|Socket timeout)/.test(
    error.message,
  );

function reasonOf(error: Error & { code?: string }): string {
  if (/^(WRONGPASS|NOAUTH)/.test(error.message)) return `${NOT_LET_IN} (${error.message})`;
  if (error.code === "ECONNREFUSED") return REFUSED;
  if (error.code === "ETIMEDOUT" || /^(Command timed out|connect ETIMEDOUT)/.test(error.message)) {
    return "no answer in time";
  }
  if (error.code === "CERT_HAS_EXPIRED") return EXPIRED;
  if (STRANGERS_CERTIFICATE.test(error.code ?? "")) return `${NOT_LET_IN} (${error.message})`;
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

/** A reply that is a list of strings, such as that of CONFIG GET. */
export const strings = async (reply: Promise<unknown>): Promise<string[]> => (await reply) as string[];
