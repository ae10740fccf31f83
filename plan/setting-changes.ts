import { isDeepStrictEqual } from "node:util";
import { droppedKeys } from "../agent/apply-redis.ts";
import { onlyTimings } from "../agent/apply-sentinel.ts";
import { differing } from "../agent/live.ts";
import { configKeys } from "../agent/server.ts";
import { canonicalKey, parseConfigFile, parseSentinelFile } from "../topology/config-file.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { type Engine, redisKeyClass } from "../topology/server-keys.ts";

/** What the resource `configuration` of a node is replaced for: see `NodeConfiguration`. */
export type Triggers = Readonly<Record<string, unknown>>;

/** One thing that is another one afterwards. */
export interface SettingChange {
  /** A file of the node, or `node`: what else it is told. */
  readonly file: string;
  readonly key: string;
  /** Null where there was none, or where it is no short value. */
  readonly before: string | null;
  readonly after: string | null;
  readonly effect: "live" | "sentinel" | "restart";
}

type Told = Omit<NodeSpec, "files">;

/**
 * What changes between two configurations of a node, and what that takes. By the functions with which the node's agent decides, and
 * by the table of keys where the agent asks its server. Pure.
 */
export function settingChanges(before: Triggers, after: Triggers): SettingChange[] {
  const told = [before, after].map((triggers) => JSON.parse(text(triggers, "node") ?? "{}") as Partial<Told>);
  const [was = {}, is = {}] = told;
  const changes = [...toldChanges(was, is)];
  for (const file of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, fresh] = [text(before, file), text(after, file)];
    if (old === fresh || file === "node" || file === "membership") continue;
    changes.push(...fileChanges(file, old, fresh, is));
  }
  return changes;
}

function text(triggers: Triggers, key: string): string | undefined {
  const value = triggers[key];
  return typeof value === "string" || value === undefined || value === null
    ? (value ?? undefined)
    : JSON.stringify(value);
}

function fileChanges(file: string, before: string | undefined, after: string | undefined, told: Partial<Told>) {
  const whole = (effect: SettingChange["effect"], key = file): SettingChange[] => [
    { file, key, before: null, after: null, effect },
  ];
  if (before !== undefined && after !== undefined) {
    if (file === "redis.conf") return redisChanges(before, after, told.engine ?? "redis");
    if (file === "sentinel.conf") return sentinelChanges(before, after, told.masterName ?? "");
    if (file === "volume_gb") return [{ file: "node", key: file, before, after, effect: "live" as const }];
  }
  // A server that is there or not: it is another node then, which says so by its membership.
  if (file.endsWith(".conf")) return [];
  return whole("live");
}

function redisChanges(before: string, after: string, engine: Engine): SettingChange[] {
  const [was, is] = [parseConfigFile(before), parseConfigFile(after)];
  const change = (key: string, effect: SettingChange["effect"]): SettingChange => ({
    file: "redis.conf",
    key,
    before: was.get(canonicalKey(key)) ?? null,
    after: is.get(canonicalKey(key)) ?? null,
    effect,
  });
  // A key that no server is known to report is proved by a start alone.
  const classOf = (key: string) => redisKeyClass(key, engine) ?? "restart";
  const changed = differing(is, Object.fromEntries(was)).map(({ key }) => key);
  const added = [...is.keys()].filter((key) => !was.has(key));
  return [
    ...[...changed, ...added].map((key) => change(key, classOf(key))),
    ...droppedKeys(configKeys(before), after).map((key) => change(key, "restart")),
  ];
}

function sentinelChanges(before: string, after: string, master: string): SettingChange[] {
  const effect = onlyTimings(master, before, after) ? "live" : "sentinel";
  const [was, is] = [before, after].map((file) => {
    const { server, globals, masters } = parseSentinelFile(file);
    return new Map([...server, ...globals, ...[...masters.values()].flatMap((own) => [...own])]);
  }) as [Map<string, string>, Map<string, string>];
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => was.get(key) !== is.get(key))
    .map((key) => ({
      file: "sentinel.conf",
      key,
      before: was.get(key) ?? null,
      after: is.get(key) ?? null,
      effect,
    }));
}

/** What a node is told besides its files. What it is itself, `node.node`, is a matter of its membership. */
function toldChanges(was: Partial<Told>, is: Partial<Told>): SettingChange[] {
  const { peers: oldPeers = [], ...old } = was;
  const { peers: newPeers = [], ...fresh } = is;
  const fields = (Object.keys({ ...old, ...fresh }) as (keyof typeof fresh)[]).filter((key) => key !== "node");
  const word = (value: unknown): string | null =>
    value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value);
  const others = fields
    .filter((key) => !isDeepStrictEqual(old[key], fresh[key]))
    .map((key): SettingChange => ({
      file: "node",
      key,
      before: word(old[key]),
      after: word(fresh[key]),
      effect: "live",
    }));
  const place = ({ address, redisPort, sentinelPort }: (typeof newPeers)[number]): string =>
    [`${address}`, ...[redisPort, sentinelPort].filter((port) => port !== undefined)].join(":");
  const placeOf = (peers: typeof newPeers, name: string): string | null => {
    const found = peers.find((peer) => peer.name === name);
    return found ? place(found) : null;
  };
  const names = new Set([...oldPeers, ...newPeers].map(({ name }) => name));
  const moved = [...names].flatMap((name): SettingChange[] => {
    const [before, after] = [placeOf(oldPeers, name), placeOf(newPeers, name)];
    if (before === after) return [];
    // A Sentinel forgets who is gone, from where it was, by a restart.
    const forgets = before !== null && is.node?.sentinelPort !== undefined;
    return [{ file: "node", key: `peer ${name}`, before, after, effect: forgets ? "sentinel" : "live" }];
  });
  return [...others, ...moved];
}
