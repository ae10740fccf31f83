import { setTimeout as delay } from "node:timers/promises";
import { Redis, type RedisOptions } from "ioredis";
import { type Endpoint, withConnection } from "../cluster/connection.ts";

export interface WriterOptions {
  /** Where to: one server, or the master that Sentinels name. */
  readonly connection: RedisOptions;
  /** Keys are `<name>:<number>`. */
  readonly name: string;
  /** Replicas that must have a write before it counts as acknowledged (WAIT). 0: the master's answer is enough. */
  readonly waitReplicas: number;
}

/** One acknowledged write. */
export interface Ack {
  readonly number: number;
  /** See `monotonicMs`. */
  readonly atMs: number;
  /** Address of the server that acknowledged it. */
  readonly by: string;
}

export interface Written {
  readonly acks: readonly Ack[];
  /** Those that the asked server does not have. */
  readonly lost: readonly Ack[];
}

const PACE_MS = 3;
const PAUSE_AFTER_ERROR_MS = 10;
const WAIT_TIMEOUT_MS = 500;
/** Longer than WAIT may take: silence of this length is a dead connection. */
const SOCKET_TIMEOUT_MS = 1000;
const CHECK_TIMEOUT_MS = 5000;
const CHECKED_AT_ONCE = 1000;

/** Milliseconds on the one clock that all processes of a computer share and that nobody sets. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** Writes one new key after the other, as fast as `PACE_MS` allows, and remembers what was acknowledged. */
export class AcknowledgedWriter {
  private readonly redis: Redis;
  private readonly acks: Ack[] = [];
  private stopped = false;
  private readonly loop: Promise<void>;

  constructor(private readonly options: WriterOptions) {
    this.redis = new Redis({
      connectTimeout: 500,
      socketTimeout: SOCKET_TIMEOUT_MS,
      retryStrategy: () => 50,
      sentinelRetryStrategy: () => 50,
      reconnectOnError: (error) => /^(READONLY|LOADING)/.test(error.message),
      // It would wait on a server that loads its files, also when another one is master by then.
      enableReadyCheck: false,
      ...options.connection,
      // A write is tried once: one that was sent again would blur which server acknowledged what.
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
    });
    // Each failed attempt is an event; what counts is which writes are acknowledged.
    this.redis.on("error", () => undefined);
    this.loop = this.write();
  }

  get acknowledged(): number {
    return this.acks.length;
  }

  /** Stops writing, and looks on one server for everything that was acknowledged. */
  async finish(server: Endpoint): Promise<Written> {
    await this.stop();
    const lost: Ack[] = [];
    for (let from = 0; from < this.acks.length; from += CHECKED_AT_ONCE) {
      const some = this.acks.slice(from, from + CHECKED_AT_ONCE);
      const keys = some.map(({ number }) => `${this.options.name}:${number}`);
      const values = await withConnection(server, (redis) => redis.mget(keys), CHECK_TIMEOUT_MS);
      lost.push(...some.filter(({ number }, index) => values[index] !== String(number)));
    }
    return { acks: this.acks, lost };
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
    this.redis.disconnect();
  }

  private async write(): Promise<void> {
    for (let number = 0; !this.stopped; number++) {
      const by = this.redis.stream?.remoteAddress ?? "";
      const acknowledged = await this.set(number).catch(() => false);
      if (acknowledged) this.acks.push({ number, atMs: monotonicMs(), by });
      await delay(acknowledged ? PACE_MS : PAUSE_AFTER_ERROR_MS);
    }
  }

  private async set(number: number): Promise<boolean> {
    const { name, waitReplicas } = this.options;
    const set = this.redis.set(`${name}:${number}`, String(number));
    if (waitReplicas === 0) return (await set) === "OK";
    const [answer, replicas] = await Promise.all([set, this.redis.wait(waitReplicas, WAIT_TIMEOUT_MS)]);
    return answer === "OK" && replicas >= waitReplicas;
  }
}
