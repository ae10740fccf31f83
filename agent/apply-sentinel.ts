import path from "node:path";
import type { Redis } from "ioredis";
import { pairs, withConnection } from "../cluster/connection.ts";
import { sentinelEndpoint } from "../cluster/answers.ts";
import { parseSentinelFile, type SentinelFile } from "../topology/config-file.ts";
import { GateShut } from "./gate.ts";
import { ghosts, PATIENT_MS } from "./live.ts";
import { type NodeFolder, writeAtomically } from "./node-folder.ts";
import { readRecord } from "./processes.ts";
import { restartServer } from "./restart.ts";
import { configHash, type ServerRecord } from "./server.ts";
import type { Session } from "./session.ts";

/** What SENTINEL SET takes while the Sentinel runs. */
const liveKeys = ["down-after-milliseconds", "failover-timeout", "parallel-syncs", "quorum"];

const recordFile = (folder: NodeFolder): string => path.join(folder.run, "sentinel.json");

/**
 * Makes the running Sentinel what its file says: timings and quorum live, the rest by a restart, in which it also
 * forgets nodes that are gone.
 * @param before the file that it ran with until now
 * @returns what was done, in words
 */
export async function applySentinel(session: Session, before: string | undefined): Promise<string[]> {
  const { spec, folder } = session;
  const text = spec.files["sentinel.conf"] ?? "";
  const record = readRecord<ServerRecord>(recordFile(folder));
  const { done, unknown } = await setTimings(session, text);
  const changed =
    record?.config !== configHash(text) && !(before !== undefined && onlyTimings(spec.masterName, before, text));
  const why = changed ? "sentinel.conf changed" : unknown;
  if (why !== undefined) return [...done, ...(await restartServer(session, "sentinel", why))];
  done.push(...(await forgetGhosts(session)));
  if (record && record.config !== configHash(text)) {
    writeAtomically(recordFile(folder), JSON.stringify({ ...record, config: configHash(text) } satisfies ServerRecord));
  }
  return done;
}

/**
 * Makes the node's Sentinel forget nodes that are gone; touches nothing else. That can wait: while the Sentinels that
 * take their place are not there yet, none is restarted for it.
 * @returns what was done, in words
 */
export async function forgetGhosts(session: Session): Promise<string[]> {
  if (session.spec.node.sentinelPort === undefined) return [];
  const why = await ghosts(session.spec);
  if (why.length === 0) return [];
  try {
    return await restartServer(session, "sentinel", why.join(", "), { patienceMs: 0 });
  } catch (error) {
    if (!(error instanceof GateShut)) throw error;
    session.report(`its Sentinel ${why.join(", ")} later (${error.message})`);
    return [];
  }
}

/** @returns what was set, or that the Sentinel does not know the master, which only a restart mends */
async function setTimings({ spec }: Session, text: string): Promise<{ done: string[]; unknown?: string }> {
  const wanted = new Map([
    ...(parseSentinelFile(text).masters.get(spec.masterName) ?? new Map<string, string>()),
    ["quorum", String(spec.quorum)],
  ]);
  const set = async (redis: Redis): Promise<{ done: string[]; unknown?: string }> => {
    let running: Record<string, string>;
    try {
      running = pairs(await redis.call("SENTINEL", "MASTER", spec.masterName));
    } catch (error) {
      // Only its own word counts: one that is slow must not be restarted for that.
      if ((error as Error).name !== "ReplyError") throw error;
      return { done: [], unknown: `it does not know ${spec.masterName}: ${(error as Error).message}` };
    }
    const done: string[] = [];
    for (const key of liveKeys) {
      const value = wanted.get(key);
      if (value === undefined || running[key] === undefined || running[key] === value) continue;
      await redis.call("SENTINEL", "SET", spec.masterName, key, value);
      done.push(`${key} set to ${value}`);
    }
    return { done };
  };
  return withConnection(sentinelEndpoint(spec.node), set, PATIENT_MS);
}

/** Do two files differ in nothing but what can be set live? */
export function onlyTimings(master: string, before: string, after: string): boolean {
  const rest = (text: string): string => {
    const file: SentinelFile = parseSentinelFile(text);
    const own = [...(file.masters.get(master) ?? [])].filter(([key]) => !liveKeys.includes(key));
    return JSON.stringify([[...file.server], [...file.globals], own, [...file.masters.keys()]]);
  };
  return rest(before) === rest(after);
}
