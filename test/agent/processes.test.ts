import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logger, rotateLogs } from "../../agent/log.ts";
import { isListening, listenerOf } from "../../agent/ports.ts";
import {
  endProcess,
  isAlive,
  isExiting,
  processStart,
  type ProcessRecord,
  readRecord,
  recordOf,
  takeLock,
  waitFor,
} from "../../agent/processes.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "processes-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});

function run(script: string): ChildProcess & { pid: number } {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child as ChildProcess & { pid: number };
}
const printed = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.stdout?.once("data", (data: Buffer) => resolve(data.toString())));

it("a process that has ended, with all its threads, is not exiting any more", async () => {
  // The shell becomes a program that never asks how its child has ended.
  const parent = spawn("sh", ["-c", "sleep 30 & echo $!; exec sleep 30"], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(parent);
  const zombie = Number(await printed(parent));
  const command = (): string => execFileSync("ps", ["-o", "comm=", "-p", `${parent.pid}`], { encoding: "utf8" });
  await waitFor("the shell has become the program", () => command().trim().endsWith("sleep"), 5000);
  process.kill(zombie, "SIGKILL");
  await waitFor("its child has ended", () => processStart(zombie) === undefined, 5000);
  if (process.platform === "linux") expect(fs.existsSync(`/proc/${zombie}`)).toBe(true);
  expect([isExiting(zombie), isExiting(0), isExiting(2 ** 30)]).toEqual([false, false, false]);
});

describe("a process record", () => {
  it("tells our process from a stranger that was given the same pid", () => {
    const own = recordOf(process.pid) as ProcessRecord;
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, started: "1" })).toBe(false);
  });

  it("counts a process that ended, also as a zombie, as gone", async () => {
    const child = run("");
    const record = recordOf(child.pid) as ProcessRecord;
    await new Promise((resolve) => child.once("exit", resolve));
    expect(isAlive(record)).toBe(false);
    expect(processStart(0)).toBeUndefined();
    expect(processStart(2 ** 30)).toBeUndefined();
  });

  it.each([
    ["nothing", ""],
    ["a text that was cut short", '{"pid": 4'],
    ["something else", '{"a": 1}'],
  ])("is no record when the file holds %s", (_what, text) => {
    const file = path.join(folder, "record.json");
    fs.writeFileSync(file, text);
    expect(readRecord(file)).toBeUndefined();
    expect(readRecord(path.join(folder, "missing.json"))).toBeUndefined();
  });
});

describe("ending a process", () => {
  it("kills one that ignores SIGTERM", async () => {
    const child = run("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')");
    await printed(child);
    const record = recordOf(child.pid) as ProcessRecord;
    await endProcess(record, 200);
    expect(isAlive(record)).toBe(false);
  });

  it("leaves a stranger alone that has the pid by now", async () => {
    const child = run("setInterval(() => {}, 1000); console.log('ready')");
    await printed(child);
    await endProcess({ pid: child.pid, started: "1" }, 200);
    expect(processStart(child.pid)).toBeDefined();
  });
});

describe("a wait", () => {
  it("says what it waited for when the time is over", async () => {
    await expect(waitFor("the sun rises", () => undefined, 30, 10)).rejects.toThrow("the sun rises: not within 0.03 s");
  });
});

describe("a lock", () => {
  const file = (): string => path.join(folder, "lock");

  it("is held by one at a time, and names its holder", () => {
    const first = takeLock(file());
    expect(first).toHaveProperty("release");
    expect(takeLock(file())).toEqual({ holder: recordOf(process.pid) });
    if ("release" in first) first.release();
    expect(takeLock(file())).toHaveProperty("release");
  });

  it("is gone with a holder that was killed", () => {
    fs.writeFileSync(file(), JSON.stringify({ pid: process.pid, started: "1" }));
    expect(takeLock(file())).toHaveProperty("release");
    expect(readRecord(file())).toEqual(recordOf(process.pid));
  });

  it("is not stopped by a file that a crash cut short", () => {
    fs.writeFileSync(file(), '{"pid"');
    expect(takeLock(file())).toHaveProperty("release");
  });

  it("is given back only by its holder", () => {
    const first = takeLock(file());
    fs.writeFileSync(file(), JSON.stringify({ pid: 1, started: processStart(1) }));
    if ("release" in first) first.release();
    expect(readRecord(file())?.pid).toBe(1);
  });
});

describe("a port", () => {
  it("names the process that listens on it", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    expect(await isListening({ address: "127.0.0.1", port })).toBe(true);
    expect(listenerOf(port)).toContain(`(pid ${process.pid}`);
    await new Promise((resolve) => server.close(resolve));
    expect(await isListening({ address: "127.0.0.1", port })).toBe(false);
  });
});

describe("logs", () => {
  it("are set aside when they are large, and only so many are kept", () => {
    const file = path.join(folder, "agent.log");
    const log = logger(file);
    for (let round = 1; round <= 6; round++) {
      log(`round ${round} ${"x".repeat(100)}`);
      rotateLogs(folder, 100);
    }
    expect(fs.readdirSync(folder).sort()).toEqual(["agent.log.1", "agent.log.2", "agent.log.3"]);
    expect(fs.readFileSync(`${file}.1`, "utf8")).toContain("round 6");
    log("small");
    rotateLogs(folder, 100);
    expect(fs.existsSync(file)).toBe(true);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });
});
