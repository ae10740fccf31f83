import fs from "node:fs";
import path from "node:path";
import { type NodeFolder, nodeFolderAt, readIfThere, writeAtomically } from "../node-folder.ts";
import { isAlive, type ProcessRecord, recordOf } from "../processes.ts";

/** What a Sentinel must be told again of a master that it was made to forget. */
export interface MonitorSettings {
  readonly quorum: number;
  readonly downAfterMs: number;
  readonly failoverTimeoutMs: number;
  readonly parallelSyncs: number;
}

/**
 * A hand-over that is under way, on disk in the folder of the node that gives the role away, so that whoever finds it
 * after a crash can finish it or take it back.
 */
export interface Journal {
  readonly version: 1;
  /** `fenced` is the slow way, by a failover of Sentinel's own; `crash` follows the death of the master. */
  readonly kind: "planned" | "fenced" | "crash";
  readonly from: string;
  /** Who takes the role; unknown beforehand where Sentinel chooses. */
  readonly to?: string;
  /**
   * `switching`: the role may or may not have passed on. `announcing`: it has; the Sentinels may not know the new
   * master. `epoch`: they do; their epochs are still equal to that of a new cluster.
   */
  readonly stage: "switching" | "announcing" | "epoch";
  /** The highest configuration epoch that a Sentinel had before. */
  readonly epoch: number;
  readonly settings: MonitorSettings;
  /** The master's own value, to be given back when a fence is lifted. */
  readonly minReplicasToWrite: string;
  readonly holder: ProcessRecord;
}

const fileOf = (folder: NodeFolder): string => path.join(folder.root, "handover.json");

export function writeJournal(folder: NodeFolder, journal: Omit<Journal, "version" | "holder">): void {
  const holder = recordOf(process.pid) as ProcessRecord;
  writeAtomically(fileOf(folder), JSON.stringify({ version: 1, ...journal, holder } satisfies Journal));
}

export function removeJournal(folder: NodeFolder): void {
  fs.rmSync(fileOf(folder), { force: true });
}

/** The hand-over that this node gave the role away in and that has not ended, if there is one. */
export function readJournal(folder: NodeFolder): Journal | undefined {
  const text = readIfThere(fileOf(folder));
  if (text === undefined) return undefined;
  try {
    const journal = JSON.parse(text) as Journal;
    return journal.version === 1 ? journal : undefined;
  } catch {
    // Written atomically, so this is no half-written one but somebody else's file.
    return undefined;
  }
}

/** Somebody else began it, still runs and will end it. Our own that still stands was given up: each is ended before the next. */
export const isUnderWay = ({ holder }: Journal): boolean => holder.pid !== process.pid && isAlive(holder);

/** The folder of another node of the same environment. */
export const siblingFolder = (folder: NodeFolder, node: string): NodeFolder =>
  nodeFolderAt(path.join(path.dirname(folder.root), node));
