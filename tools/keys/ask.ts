import type { Redis } from "ioredis";
import type { KeyClass } from "../../topology/server-keys.ts";
import { confLine } from "../../topology/render.ts";
import { otherPoison, poison, readLine, withScratchServer } from "./scratch-server.ts";
import type { ServerPrograms } from "../servers/tested.ts";

/** What a server itself says about its keys, in the words that topology/server-keys.ts explains. */

/** Entries by key, for example `maxmemory: "live memory 0..18446744073709551615"`. */
export type Entries = Readonly<Record<string, string>>;
export interface Answers {
  readonly "redis.conf": Entries;
  readonly "sentinel.conf": Entries;
}

/** A running server that is asked about its keys; whatever it is asked, it stays as it was. */
export interface AskedServer {
  readonly keys: readonly string[];
  /** Every key with its value. */
  readonly shown: () => Promise<Record<string, string>>;
  readonly classOf: (key: string) => Promise<KeyClass>;
  /**
   * Why the server does not take a value, by CONFIG SET, or in its file for a key that it takes there only.
   * @returns undefined when it takes it
   */
  readonly refusal: (key: string, value: string) => Promise<string | undefined>;
}

/** @throws when a server does not start, or answers in words that are new */
export async function askServer({ server, sentinel }: ServerPrograms): Promise<Answers> {
  const redisConf = await withServer(server, async (asked) => {
    const entries: Record<string, string> = {};
    for (const key of asked.keys) entries[key] = `${await asked.classOf(key)} ${await typeOf(key, asked)}`;
    return entries;
  });
  return { "redis.conf": redisConf, "sentinel.conf": await askSentinel(sentinel) };
}

/** @param program redis-server or valkey-server */
export const withServer = <T>(program: string, use: (asked: AskedServer) => Promise<T>): Promise<T> =>
  withScratchServer(program, 'save ""\n', async (redis) => {
    const live = async (key: string, value: string): Promise<string | undefined> => {
      // The second key is refused and takes the first one's new value back: nothing is left for the next question.
      const second = key === poison.key ? otherPoison : poison;
      const message = await refusalOf(redis.config("SET", key, value, second.key, second.value));
      const [, refused, reason] = /possibly related to argument '(.*?)'\) - (.*)$/s.exec(message) ?? [];
      if (refused === undefined) throw new Error(`CONFIG SET ${key} is answered by "${message}"`);
      return refused === key ? reason : undefined;
    };
    const isClosed = async (key: string): Promise<boolean> =>
      /^can't set (immutable|protected) config/.test((await live(key, odd)) ?? "");
    const shown = async (): Promise<Record<string, string>> => pairs(await redis.config("GET", "*"));
    return use({
      keys: Object.keys(await shown()).sort(),
      shown,
      classOf: async (key) => ((await isClosed(key)) ? "restart" : "live"),
      refusal: async (key, value) =>
        (await isClosed(key)) ? readLine(program, confLine(key, value)) : live(key, value),
    });
  });

const refusalOf = (reply: Promise<unknown>): Promise<string> =>
  reply.then(
    () => "",
    (error: Error) => error.message,
  );

type Ask = (value: string) => Promise<string | undefined>;

/** Of no type but text. */
const odd = "%@! odd";

async function typeOf(key: string, { refusal }: AskedServer): Promise<string> {
  const ask: Ask = (value) => refusal(key, value);
  const reason = await ask(odd);
  if (reason === undefined) return "text";
  if (key === "notify-keyspace-events") return `letters ${await lettersOf(ask)}`;
  if (reason === "argument must be 'yes' or 'no'") return "yes-no";
  if (reason.startsWith("argument couldn't be parsed into an integer"))
    return `integer ${await rangeOf(ask, integers)}`;
  if (reason.startsWith("argument must be a memory value")) return `memory ${await rangeOf(ask, memory)}`;
  if (reason.startsWith("argument must be a memory or percent value"))
    return `memory-or-percent ${await rangeOf(ask, memory)}`;
  const words = /one of the following: (.*)$/.exec(reason)?.[1]?.split(", ");
  if (words) {
    const several = (await ask(words.slice(-2).join(" "))) === undefined;
    return `${several ? "words" : "word"} ${words.join("|")}`;
  }
  return "other";
}

const integers = ["-9223372036854775808", "9223372036854775807"] as const;
const memory = ["0", "18446744073709551615"] as const;

/** `1..100`, or `..` where the server takes whatever fits into its widest type. */
async function rangeOf(ask: Ask, widest: readonly [string, string]): Promise<string> {
  for (const value of widest) {
    const bounds = /argument must be between (-?\d+) and (-?\d+) inclusive/.exec((await ask(value)) ?? "");
    if (bounds) return `${bounds[1]}..${bounds[2]}`;
  }
  return "..";
}

async function lettersOf(ask: Ask): Promise<string> {
  const printable = Array.from({ length: 126 - 32 }, (_, index) => String.fromCharCode(33 + index));
  const taken: string[] = [];
  for (const letter of printable) if ((await ask(letter)) === undefined) taken.push(letter);
  return taken.join("");
}

/** What SENTINEL SET might take: what Sentinel shows of a master, and what else may stand in its file. */
const perMaster =
  "monitor quorum down-after-milliseconds failover-timeout parallel-syncs notification-script client-reconfig-script " +
  "auth-user auth-pass rename-command master-reboot-down-after-period primary-reboot-down-after-period known-replica " +
  "known-sentinel config-epoch leader-epoch";
const master = "redis-keys";

const askSentinel = (program: string): Promise<Entries> =>
  withScratchServer(program, `sentinel monitor ${master} 127.0.0.1 1 1\n`, async (redis) => {
    const shown = Object.keys(pairs(await redis.call("SENTINEL", "MASTER", master)));
    const global = Object.keys(pairs(await redis.call("SENTINEL", "CONFIG", "GET", "*")));
    const entries: Record<string, string> = {};
    for (const key of new Set([...perMaster.split(" "), ...shown])) {
      const known =
        (await takes(redis, ["SET", master, key, odd])) || (await takes(redis, ["SET", master, key, odd, odd]));
      if (known) entries[key] = "live SENTINEL SET";
    }
    for (const key of global)
      if (await takes(redis, ["CONFIG", "SET", key, odd])) entries[key] = "live SENTINEL CONFIG SET";
    return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/** Whether Sentinel knows the key there; that it refuses the value is fine, that it denies every value is not. */
const takes = (redis: Redis, args: readonly string[]): Promise<boolean> =>
  redis.call("SENTINEL", ...args).then(
    () => true,
    (error: Error) =>
      !/unknown option|denied for security reasons|invalid argument.*to SENTINEL CONFIG SET/i.test(error.message),
  );

function pairs(reply: unknown): Record<string, string> {
  const flat = reply as readonly string[];
  return Object.fromEntries(flat.flatMap((key, index) => (index % 2 === 0 ? [[key, flat[index + 1] ?? ""]] : [])));
}
