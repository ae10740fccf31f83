import fs from "node:fs";
import path from "node:path";

/** A log file is set aside at this size, and this many old ones are kept: at most 40 MB a log. */
const ROTATE_BYTES = 10 * 1024 * 1024;
const KEEP = 3;

/** Appends a line with the time to a file; opened for each line, so that rotation by rename needs no signal. */
export function logger(file: string): (message: string) => void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  return (message) => {
    try {
      fs.appendFileSync(file, `${new Date().toISOString()} ${message}\n`, { mode: 0o600 });
    } catch {
      // A full disk must not end the agent: it goes on without this line.
    }
  };
}

/** Sets large logs of a folder aside. redis-server opens its log for every line, so nobody needs to be told. */
export function rotateLogs(folder: string, limitBytes = ROTATE_BYTES): void {
  for (const name of fs.readdirSync(folder).filter((entry) => entry.endsWith(".log"))) {
    const file = path.join(folder, name);
    if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) < limitBytes) continue;
    for (let age = KEEP; age >= 1; age--) {
      const from = age === 1 ? file : `${file}.${age - 1}`;
      if (fs.existsSync(from)) fs.renameSync(from, `${file}.${age}`);
    }
  }
}

/** The last lines of a log, for an error message. */
export function lastLines(file: string, count: number): string {
  try {
    return fs.readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}
