import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { projectRoot } from "../../agent/node-folder.ts";
import type { Chaos } from "./chaos.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import { storedClientLogins } from "./stored-secrets.ts";

/** With its header just under 16 KiB, the size of a piece of memory that the servers' allocator has. */
const VALUE_BYTES = 16_000;
const FILL_TIMEOUT_MS_PER_GB = 300_000;
/** A script of a second would be killed by the node's agent. */
const ASKED_AT_ONCE = 10_000;

const NODES = 3;
/** Each node has all of it; at worst the fork of one copies it, and half of it again is in the servers' buffers. */
const MEMORY_SHARE = NODES + 1.5;
/** A node has its append-only file, the one that is written in its place, and those of two crashes. */
const DISK_SHARE = NODES * 4;

const keysOf = (gb: number): number => Math.round((gb * 1e9) / VALUE_BYTES);

/** Why this computer cannot have so much data on each of three hosts; undefined when it can. */
export function whyNoRoomFor(gb: number): string | undefined {
  const root = projectRoot(import.meta.dirname);
  const { bavail, bsize } = fs.statfsSync(root);
  const needs: [string, number, number][] = [
    ["memory", gb * MEMORY_SHARE, os.freemem()],
    [`the disk of ${root}`, gb * DISK_SHARE, bavail * bsize],
  ];
  const lacking = needs
    .filter(([, neededGb, freeBytes]) => freeBytes < neededGb * 1e9)
    .map(([what, neededGb, freeBytes]) => `${neededGb} GB of ${what} (${(freeBytes / 1e9).toFixed(1)} are free)`);
  return lacking.length === 0 ? undefined : `${gb} GB of data on each of three hosts need ${lacking.join(" and ")}`;
}

/** A maxmemory for so much data, with what the keys take and the clients write, in MiB. */
export const maxMemoryMbFor = (gb: number): number => 100 + Math.ceil((gb * 1.1e9) / 1024 / 1024);

/**
 * Makes a data set larger, by random bytes, of which no file is smaller than they are. Returns when both replicas have it.
 * @throws when that takes more than five minutes a GB
 */
export async function grow(chaos: Chaos, fromGb: number, toGb: number): Promise<void> {
  const { address, port } = chaos.endpoint(await chaos.master());
  const numbers = [port, keysOf(fromGb), keysOf(toGb), VALUE_BYTES].map(String);
  const program = path.join(import.meta.dirname, "fill-data.ts");
  await chaos.cluster.lab.exec([process.execPath, "--import", "tsx", program, address, ...numbers], {
    env: { LOGIN: JSON.stringify(directLoginOf("master", storedClientLogins(chaos.cluster.store))) },
    cwd: projectRoot(import.meta.dirname),
    stdin: "ignore",
    timeout: FILL_TIMEOUT_MS_PER_GB * Math.max(1, toGb - fromGb),
  });
}

/** @returns how many keys of a data set of this size a node lacks */
export async function lacks(chaos: Chaos, node: string, gb: number): Promise<number> {
  const script = `local n = 0 for i = ARGV[1], ARGV[2] - 1 do n = n + redis.call('EXISTS', 'data:' .. i) end return n`;
  const ask = [...chaos.cluster.redisCli(node), "-e", "eval_ro", script, "0"];
  let lacking = keysOf(gb);
  for (let from = 0; from < keysOf(gb); from += ASKED_AT_ONCE) {
    const to = Math.min(keysOf(gb), from + ASKED_AT_ONCE);
    lacking -= Number(await chaos.host(node).run([...ask, String(from), String(to)]));
  }
  return lacking;
}
