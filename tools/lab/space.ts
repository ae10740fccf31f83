import fs from "node:fs";

/** @throws when the disk of a folder has less than this free */
export function requireSpace(folder: string, neededMb: number): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const freeMb = Math.floor((bavail * bsize) / 1e6);
  if (freeMb >= neededMb) return;
  throw new Error(`${folder}: ${freeMb} MB are free on its disk, and ${neededMb} MB are needed; make room there`);
}
