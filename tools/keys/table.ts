import type { Entry, KeyTable } from "../../topology/server-keys.ts";
import type { Answers, Entries } from "./ask.ts";

/** One table of what several servers say, in their order: an answer that all of them give stands once. */
export function tableOf(answers: ReadonlyMap<string, Answers>): KeyTable {
  const merged = (file: keyof Answers): Record<string, Entry> => {
    const keys = new Set([...answers.values()].flatMap((it) => Object.keys(it[file])));
    return Object.fromEntries([...keys].sort().map((key) => [key, entryOf(key, by(answers, file))]));
  };
  return { servers: [...answers.keys()], "redis.conf": merged("redis.conf"), "sentinel.conf": merged("sentinel.conf") };
}

const by = (answers: ReadonlyMap<string, Answers>, file: keyof Answers): [string, Entries][] =>
  [...answers].map(([server, it]) => [server, it[file]]);

function entryOf(key: string, answers: readonly [string, Entries][]): Entry {
  const groups = new Map<string, string[]>();
  for (const [server, { [key]: entry }] of answers) {
    if (entry !== undefined) groups.set(entry, [...(groups.get(entry) ?? []), server]);
  }
  const [[entry, servers] = ["", []]] = groups;
  if (servers.length === answers.length) return entry;
  return Object.fromEntries([...groups].map(([said, group]) => [group.join(", "), said]));
}
