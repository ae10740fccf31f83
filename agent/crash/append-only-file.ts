import fs from "node:fs";
import path from "node:path";
import { readIfThere } from "../node-folder.ts";

/** How much of a file is read to learn which database its last commands were meant for, in bytes. */
const SEARCH_BYTES = 128 * 1024 * 1024;
const CHUNK_BYTES = 8 * 1024 * 1024;
const SELECT = Buffer.from("*2\r\n$6\r\nSELECT\r\n$");

/** The part of an append-only file that is being written. */
export interface AofFiles {
  /** The text of the manifest: with another one, positions mean nothing any more. */
  readonly manifest: string;
  /** Path of the last incremental file. */
  readonly file: string;
  readonly bytes: number;
}

/** @returns undefined when there is none, or when it is just being replaced */
export function aofFiles(redisData: string): AofFiles | undefined {
  const folder = path.join(redisData, "appendonlydir");
  const manifest = readIfThere(path.join(folder, "appendonly.aof.manifest"));
  const name = manifest
    ?.match(/^file (\S+) .*\btype i\b/gm)
    ?.at(-1)
    ?.split(" ")[1];
  if (manifest === undefined || name === undefined) return undefined;
  const file = path.join(folder, name);
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat && { manifest, file, bytes: stat.size };
}

/**
 * Relates the server's own count of what it has written (`aof_current_size`, over several files and not from zero) to
 * positions in the last file. The file grows while the server is asked, so each question gives a range; the ranges of
 * several have only the truth in common.
 */
export class AofPositions {
  private manifest = "";
  private low = -Infinity;
  private high = Infinity;

  /**
   * @param before the file before the server was asked
   * @param after the file after it had answered
   * @param currentSize `aof_current_size` of that answer
   * @returns what to subtract from the server's count, or undefined as long as it is not certain
   */
  observe(before: AofFiles, after: AofFiles, currentSize: number): number | undefined {
    if (before.manifest !== after.manifest) return undefined;
    if (this.manifest !== before.manifest) {
      this.manifest = before.manifest;
      this.low = -Infinity;
      this.high = Infinity;
    }
    this.low = Math.max(this.low, currentSize - after.bytes);
    this.high = Math.min(this.high, currentSize - before.bytes);
    // A server that counts otherwise since then, as after loading, has made what was known worthless.
    if (this.low > this.high) this.manifest = "";
    return this.low === this.high ? this.low : undefined;
  }

  /** Another process counts anew. */
  forget(): void {
    this.manifest = "";
  }
}

/** What a file holds from a position on. @throws when that is more than `most` bytes */
export function tailOf(file: string, position: number, most: number): Buffer {
  const handle = fs.openSync(file, "r");
  try {
    const { size } = fs.fstatSync(handle);
    const length = size - position;
    if (length < 0) throw new Error(`the append-only file is shorter than it was (${size} bytes, not ${position})`);
    if (length > most) throw new Error(`the append-only file has ${length} bytes since the last sample`);
    return readAt(handle, position, length);
  } finally {
    fs.closeSync(handle);
  }
}

/** The database that the command at `position` is meant for: that of the last SELECT before it. @throws when it is too far away */
export function databaseAt(file: string, position: number): number {
  const handle = fs.openSync(file, "r");
  try {
    for (let end = position; end > 0 && position - end < SEARCH_BYTES; end -= CHUNK_BYTES) {
      const start = Math.max(0, end - CHUNK_BYTES);
      // A little more, so that a SELECT across the border of two chunks is found.
      const chunk = readAt(handle, start, Math.min(position, end + 40) - start);
      const found = chunk.lastIndexOf(SELECT);
      if (found >= 0) {
        const [, db] =
          /^\d+\r\n(\d+)\r\n/.exec(chunk.toString("latin1", found + SELECT.length, found + SELECT.length + 16)) ?? [];
        if (db !== undefined) return Number(db);
      }
    }
    throw new Error("the append-only file does not say which database its last commands are meant for");
  } finally {
    fs.closeSync(handle);
  }
}

function readAt(handle: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const count = fs.readSync(handle, bytes, read, length - read, position + read);
    if (count === 0) throw new Error("the append-only file ended early");
    read += count;
  }
  return bytes;
}

/** Keeps a copy of the append-only file as it is now: what a node had when it died can be looked at later. */
export function setAside(redisData: string, now = new Date()): string {
  const target = path.join(redisData, `crashed-${now.toISOString().replaceAll(/[:.]/g, "-")}`);
  const source = path.join(redisData, "appendonlydir");
  fs.mkdirSync(target, { recursive: true, mode: 0o700 });
  // Links cost nothing, and the server deletes its old files at its next full copy; what it appends before stays visible here.
  for (const name of fs.readdirSync(source)) fs.linkSync(path.join(source, name), path.join(target, name));
  const old = fs
    .readdirSync(redisData)
    .filter((name) => name.startsWith("crashed-"))
    .sort()
    .slice(0, -KEEP);
  for (const name of old) fs.rmSync(path.join(redisData, name), { recursive: true, force: true });
  return target;
}

/** What a server says last, as a warning, when its files are not what it wrote. A disk that cannot be read is no such case. */
const DAMAGED =
  / # .*((Bad file format|Unexpected end of file) reading the append only file|Wrong (RDB checksum|signature)|Short read or OOM loading DB|Internal error in RDB)/;

/**
 * Whether a server ended because its files are damaged.
 * @param log the end of its log
 */
export const cannotReadData = (log: string): boolean => DAMAGED.test(log);

/** Two crashes in a row leave both; more would fill the disk. */
const KEEP = 2;
