import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import { majority } from "../topology/topology.ts";
import { CLIENT_NAME } from "./connection.ts";
import type { Link, Links } from "./links.ts";

/** How a holder's connections to the Sentinels are named: prefix, id of this holding, who holds it. No spaces. */
const PREFIX = `${CLIENT_NAME}-lock:`;

/** Two that collide try again after a random part of this, so that one of them finds the way free. */
const RETRY_MS = { least: 50, most: 350 };

/** A connection that was cut is there again after 0.1 s, a Sentinel that was restarted a moment later. */
const RECONNECT_WAIT_MS = 1000;

/**
 * How often a holder says something on its connections, and after how much silence it counts as gone: the host of one
 * may vanish without closing them, and TCP alone would hold on to what is on its way to it for a quarter of an hour.
 */
const HEARTBEAT_MS = 5000;
const GONE_SECONDS = 20;

/** Somebody else changes this cluster just now. */
export class Locked extends Error {
  override name = "Locked";
}

/** The lock was held and is not any more: whatever it protected must stop. */
export class LockLost extends Error {
  override name = "LockLost";
}

/**
 * The right to change a cluster: one holder at a time, by a named connection on a majority of its Sentinels.
 *
 * A holder sets its name first and lists the names after, on each Sentinel: of two, the one that set its name second
 * sees the other, and any two majorities share a Sentinel. The lock is gone with its holder's connections, however that
 * ended; those of one that has been silent for long are closed by the next taker. It is no key in Redis, because a failover may lose one and a fenced master refuses it.
 */
export class ClusterLock {
  private readonly name: string;
  /** On which connection of which Sentinel the name stands alone, by its generation. */
  private readonly held = new Map<Link, number>();
  private heartbeat: NodeJS.Timeout | undefined;

  private constructor(
    private readonly links: Links,
    holder: string,
  ) {
    this.name = `${PREFIX}${randomUUID()}:${holder.replaceAll(/[^\w.-]+/g, "-")}@${hostname().replaceAll(/[^\w.-]/g, "-")}-${process.pid}`;
  }

  /**
   * @param holder what is done under the lock, for others to read: "apply-of-redis-b"
   * @param waitMs how long to wait for another holder; 0 = try once
   * @returns undefined when no majority of the Sentinels answers, so that nobody can have the lock
   * @throws Locked when somebody else still has it after `waitMs`
   */
  static async take(
    links: Links,
    holder: string,
    { waitMs = 0, report = () => undefined }: { waitMs?: number; report?: (line: string) => void } = {},
  ): Promise<ClusterLock | undefined> {
    const lock = new ClusterLock(links, holder);
    const deadline = performance.now() + waitMs;
    let told = "";
    for (;;) {
      const { others, answering } = await lock.claim();
      if (lock.held.size >= lock.needed) {
        lock.heartbeat = setInterval(() => lock.beat(), HEARTBEAT_MS).unref();
        return lock;
      }
      await lock.release();
      const [other] = others;
      if (other === undefined || answering < lock.needed) return undefined;
      if (performance.now() >= deadline) {
        throw new Locked(
          `${other} changes this cluster just now; wait for it and run this again` +
            (waitMs > 0 ? ` (waited ${Math.round(waitMs / 1000)} s)` : ""),
        );
      }
      if (other !== told) report(`waiting: ${other} changes this cluster just now`);
      told = other;
      await delay(RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least));
    }
  }

  /**
   * Makes sure that the lock is still held, and takes it again on a Sentinel that was restarted meanwhile. To be called
   * before each step that must not be done by two.
   * @throws LockLost
   */
  async hold(): Promise<void> {
    const deadline = performance.now() + RECONNECT_WAIT_MS;
    let other: string | undefined;
    for (;;) {
      await this.dropStale();
      [other] = (await this.claim(this.links.sentinels.filter((link) => !this.held.has(link)))).others;
      if (this.held.size >= this.needed) return;
      if (other !== undefined || performance.now() >= deadline) break;
      await delay(RETRY_MS.least);
    }
    throw new LockLost(
      other === undefined
        ? `the lock of this cluster is lost: only ${this.held.size} of ${this.links.sentinels.length} Sentinels can be ` +
            `reached, ${this.needed} are needed; bring them up and run this again`
        : `the lock of this cluster is lost to ${other}; wait for it and run this again`,
    );
  }

  /** Where the name stood alone once, nobody else can have got the lock since: later names are of those who wait. */
  private async dropStale(): Promise<void> {
    await Promise.all(
      [...this.held].map(async ([link, generation]) => {
        const name = await link.connection.ask((redis) => redis.client("GETNAME")).catch(() => undefined);
        if (name !== this.name || link.connection.generation !== generation) this.held.delete(link);
      }),
    );
  }

  /** Gives the lock back. Never throws: a connection that is gone has given it back already. */
  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    this.held.clear();
    await Promise.all(
      this.links.sentinels.map(({ connection }) =>
        connection.ask((redis) => redis.client("SETNAME", CLIENT_NAME)).catch(() => undefined),
      ),
    );
  }

  private beat(): void {
    for (const { connection } of this.held.keys()) connection.ask((redis) => redis.ping()).catch(() => undefined);
  }

  private get needed(): number {
    return majority(this.links.sentinels.length);
  }

  /** Names the connections and notes where the name stands alone. @returns who else stands there, for people */
  private async claim(sentinels = this.links.sentinels): Promise<{ others: string[]; answering: number }> {
    const lists = await Promise.all(
      sentinels.map(async (link) => {
        const { generation } = link.connection;
        const others = await link.connection.ask((redis) => this.nameAndList(redis)).catch(() => undefined);
        if (others?.length === 0) this.held.set(link, generation);
        else this.held.delete(link);
        return others;
      }),
    );
    const answers = lists.filter((list) => list !== undefined);
    return { others: [...new Set(answers.flat())], answering: answers.length };
  }

  private async nameAndList(redis: Redis): Promise<string[]> {
    const [me, , list] = await Promise.all([
      redis.call("ACL", "WHOAMI"),
      redis.client("SETNAME", this.name),
      redis.client("LIST"),
    ]);
    const others = String(list)
      .split("\n")
      .map((line) => Object.fromEntries(line.split(" ").map((field) => field.split(/=(.*)/, 2))) as Client)
      // Clients that only ask for the master may name their connections, too.
      .filter(({ name = "", user }) => name.startsWith(PREFIX) && name !== this.name && user === me);
    const gone = others.filter(({ idle }) => Number(idle) > GONE_SECONDS);
    // Closed and not only passed over: should its holder come back, it must find the lock lost.
    for (const { id = "" } of gone) await redis.client("KILL", "ID", id);
    return others
      .filter((each) => !gone.includes(each))
      .map(({ name = "" }) => name.slice(PREFIX.length).replace(/^[^:]*:/, ""));
  }
}

/** A line of CLIENT LIST. */
type Client = Partial<Record<"id" | "name" | "idle" | "user", string>>;
