import table from "./server-keys.json" with { type: "json" };

/**
 * What the servers say about the keys of redis.conf and sentinel.conf. The table is their own answers, written by
 * `npm run keys`. Runs on the nodes too, so it is pure and depends on nothing.
 */

export type Engine = "redis" | "valkey";
/** `live`: the running server takes a new value; `restart`: it takes one at its start only. */
export type KeyClass = "live" | "restart";

/** `"live integer 1..64"` for all servers, or by the servers that say so: `{ "redis 8.0, valkey 8.1": "..." }`. */
export type Entry = string | Readonly<Record<string, string>>;
export interface KeyTable {
  /** Engine and version, as `redis 7.0`. */
  readonly servers: readonly string[];
  /**
   * Class and type of the value: `yes-no`; `word a|b`, one of them; `words a|b`, some of them; `letters abc`, some of
   * them; `integer 1..64`; `memory 0..1024` and `memory-or-percent`, in bytes; `text`; `other`, a form of its own.
   */
  readonly "redis.conf": Readonly<Record<string, Entry>>;
  /** The keys that a running Sentinel takes, and by which command: `live SENTINEL SET`. */
  readonly "sentinel.conf": Readonly<Record<string, Entry>>;
}

const { servers, ...keys }: KeyTable = table;

/** The servers that were asked, as `redis 7.0`: all, or those of one engine. */
export const askedServers = (engine?: Engine): string[] =>
  servers.filter((server) => engine === undefined || server.startsWith(`${engine} `));

/** What one server says about one key; undefined when it does not know it. */
export function entryFor(file: keyof typeof keys, key: string, server: string): string | undefined {
  const entry = Object.hasOwn(keys[file], key) ? keys[file][key] : undefined;
  if (typeof entry !== "object") return entry;
  return Object.entries(entry).find(([group]) => group.split(", ").includes(server))?.[1];
}

/** Every key of redis.conf that some asked server of an engine knows, old names included. */
export const redisKeys = (engine: Engine): string[] =>
  Object.keys(keys["redis.conf"]).filter((key) => serversWith(key).some((server) => server.startsWith(`${engine} `)));

/** The asked servers, of any engine, that know a key of redis.conf. */
export const serversWith = (key: string): string[] =>
  servers.filter((server) => entryFor("redis.conf", key, server) !== undefined);

/** The types of the values that the asked servers of an engine take, the latest version last, each once. */
export const valueTypes = (key: string, engine: Engine): string[] => [
  ...new Set(answers("redis.conf", key, engine).map((entry) => entry.slice(entry.indexOf(" ") + 1))),
];

/**
 * Whether a key of redis.conf changes live on every asked version of an engine. The answer of the server at hand to
 * CONFIG SET comes first; this is for saying so before anything is touched.
 * @returns undefined for a key that none of them knows
 */
export function redisKeyClass(key: string, engine: Engine): KeyClass | undefined {
  const entries = answers("redis.conf", key, engine);
  if (entries.length === 0) return undefined;
  return entries.every((entry) => entry.startsWith("live ")) ? "live" : "restart";
}

/**
 * The same for a key of sentinel.conf, without the word `sentinel` and the master's name: `failover-timeout`, `port`.
 * `quorum` is the number in the line of `monitor`.
 */
export const sentinelKeyClass = (key: string, engine: Engine): KeyClass =>
  sentinelCommand(key, engine) === undefined ? "restart" : "live";

/**
 * The command by which a running Sentinel takes a key: `SENTINEL SET <master> <key> <value>` or
 * `SENTINEL CONFIG SET <key> <value>`; undefined when some asked version of the engine takes it only at its start.
 */
export function sentinelCommand(key: string, engine: Engine): "SENTINEL SET" | "SENTINEL CONFIG SET" | undefined {
  const entries = answers("sentinel.conf", key, engine);
  if (entries.length < askedServers(engine).length) return undefined;
  return entries[0] === "live SENTINEL SET" ? "SENTINEL SET" : "SENTINEL CONFIG SET";
}

const answers = (file: keyof typeof keys, key: string, engine: Engine): string[] =>
  askedServers(engine).flatMap((server) => entryFor(file, key, server) ?? []);
