import fs from "node:fs";
import { redisEndpoint, type RedisState } from "../cluster/answers.ts";
import { withConnection } from "../cluster/connection.ts";
import { parseConfigFile } from "../topology/config-file.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { hasData } from "./claims.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";

/** The key by which Sentinel prefers one replica to another: the lowest first, and 0 never. */
export const PRIORITY = "replica-priority";
/** The worst that there is, in redis a signed number of 32 bits. */
const WORST = 2 ** 31 - 1;
/** What is better is later: a quarter of a second counts 1, and the numbers last until 2040. */
const STEP_MS = 250;
const EPOCH_MS = Date.UTC(2024, 0, 1);
/** The time is written down this often, and never when nothing was written meanwhile. */
const NOTE_MS = 1000;
/** A time of this many digits overwrites the one before in place. */
const DIGITS = 13;

/** What redis.conf says. */
export const appliedPriority = ({ files }: NodeSpec): string =>
  parseConfigFile(files["redis.conf"] ?? "").get(PRIORITY) ?? "100";

/**
 * The priority with which redis-server starts, until it is in step with a master: the older its data, the worse, and
 * never without data. A server that loads its files counts its offset from 0, so that Sentinel, with the master gone
 * after a power cut, would take any replica, also one that has not followed for days; the others would copy it.
 * @returns undefined for a node that is never to be promoted anyway
 */
export function startPriority(spec: NodeSpec, folder: NodeFolder): string | undefined {
  if (!spec.node.promotable) return undefined;
  if (!hasData(folder)) return "0";
  return String(priorityOf(Number(readIfThere(folder.inStep) ?? 0)));
}

/** @param atMs when the data was in step last, as Date.now() counts; 0 when that is not known */
export const priorityOf = (atMs: number): number =>
  Math.min(WORST, Math.max(101, WORST - Math.max(0, Math.floor((atMs - EPOCH_MS) / STEP_MS))));

/** Back to what redis.conf says: from now on the offset decides, as it should among replicas that follow. */
export const restorePriority = (spec: NodeSpec): Promise<unknown> =>
  withConnection(redisEndpoint(spec.node), (redis) => redis.config("SET", PRIORITY, appliedPriority(spec)));

/** Keeps on disk until when this node had all the data of its cluster, to the second. */
export class Recency {
  /** The process of the server that has, on disk too, what its master has; undefined while it has not. */
  inStep: number | undefined;
  private notedAt = -Infinity;
  private notedOffset = -1;
  private noting = false;

  constructor(private readonly folder: NodeFolder) {}

  /**
   * @param state as the server told it, with `info`
   * @param confirmed a master takes writes
   * @param at when it was asked, as Date.now() counts
   */
  seen(state: RedisState, info: Readonly<Record<string, string>>, confirmed: boolean, at: number): void {
    const follows = state.role === "master" ? confirmed : state.link === "up" && !state.syncing;
    // After a full copy the files are still the old ones, until all of it was written once.
    const written = info["aof_rewrite_in_progress"] === "0" && info["aof_rewrite_scheduled"] === "0";
    const complete = follows && !state.loading && (this.inStep === state.pid || written);
    this.inStep = complete ? state.pid : undefined;
    if (!complete) return;
    if (state.offset === this.notedOffset || performance.now() - this.notedAt < NOTE_MS || this.noting) return;
    this.notedAt = performance.now();
    this.notedOffset = state.offset;
    this.noting = true;
    void this.note(at)
      // A disk that is full: the node counts as older than it is.
      .catch(() => undefined)
      .finally(() => (this.noting = false));
  }

  private async note(at: number): Promise<void> {
    const text = String(at);
    if (readIfThere(this.folder.inStep)?.length !== DIGITS) return writeAtomically(this.folder.inStep, text);
    const file = await fs.promises.open(this.folder.inStep, "r+");
    try {
      await file.write(text, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}
