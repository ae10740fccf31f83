import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { withLock } from "../../tools/setup/lock.mjs";

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "setup-lock-"));
  lock = path.join(folder, "locks", "it");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A Node process that takes the lock, writes "+" and a second later "-" into the journal, and ends. */
function contender(holdMs: number) {
  const module = new URL("../../tools/setup/lock.mjs", import.meta.url).href;
  const script = `
    import { appendFileSync } from "node:fs";
    import { withLock } from ${JSON.stringify(module)};
    await withLock(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(journal())}, "+");
      await new Promise((resolve) => setTimeout(resolve, ${holdMs}));
      appendFileSync(${JSON.stringify(journal())}, "-");
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "ignore", "pipe"] });
}
const journal = () => path.join(folder, "journal");

async function holderIsAtWork() {
  await expect.poll(() => existsSync(journal()), { timeout: 10_000 }).toBe(true);
}

test("processes that want the same work do it one after the other, and leave nothing behind", async () => {
  await Promise.all([1, 2, 3].map(() => once(contender(200), "exit")));
  expect(await readFile(journal(), "utf8")).toBe("+-+-+-");
  expect(await readdir(path.dirname(lock))).toEqual([]);
});

test("the lock of a killed process is taken over, by one of those who wait", async () => {
  const killed = contender(60_000);
  await holderIsAtWork();
  const waiting = [1, 2, 3].map(() => once(contender(100), "exit"));
  killed.kill("SIGKILL");
  await Promise.all(waiting);
  expect(await readFile(journal(), "utf8")).toBe("++-+-+-");
});

test("one that waits says for whom", async () => {
  const holder = contender(2000);
  await holderIsAtWork();
  const waiting = contender(0);
  const [said] = (await once(waiting.stderr, "data")) as [Buffer];
  expect(said.toString()).toBe(`Waiting for another set-up, process ${holder.pid} (its lock: ${lock}) …\n`);
  await Promise.all([once(holder, "exit"), once(waiting, "exit")]);
});

describe("a lock that cannot be read, as after a power cut,", () => {
  const write = async (content: string, changed: Date) => {
    await mkdir(path.dirname(lock));
    await writeFile(lock, content);
    await utimes(lock, changed, changed);
  };

  test.each([
    ["empty", "", -11_000],
    ["half written", '{"own', -11_000],
    ["another file's content", "null", -11_000],
    ["from the future", "", 3_600_000],
  ])("is taken over: %s", async (_, content, ageMs) => {
    await write(content, new Date(Date.now() + ageMs));
    await withLock(lock, () => appendFile(journal(), "+"));
    expect(await readdir(path.dirname(lock))).toEqual([]);
  });

  test("is left alone while it is new, and named to the one who waits", async () => {
    await write("", new Date());
    const waiting = contender(0);
    const ended = once(waiting, "exit");
    const [said] = (await once(waiting.stderr, "data")) as [Buffer];
    expect(said.toString()).toBe(`Waiting for another set-up (its lock: ${lock}) …\n`);
    expect(existsSync(journal())).toBe(false);
    await utimes(lock, new Date(0), new Date(0));
    await ended;
    expect(existsSync(journal())).toBe(true);
  });
});

test("a process that got the pid of a dead owner is no owner", async () => {
  await withLock(lock, () => Promise.resolve());
  await writeFile(lock, JSON.stringify({ owners: [{ pid: process.pid, started: "1" }] }));
  await withLock(lock, () => appendFile(journal(), "+"));
  expect(await readFile(journal(), "utf8")).toBe("+");
});

test("a command that outlives its killed set-up keeps the lock until it ends", async () => {
  const command = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    const dead = spawn("true");
    await once(dead, "exit");
    await withLock(lock, async (alsoOwnedBy) => {
      alsoOwnedBy(command.pid as number);
      const { owners } = JSON.parse(await readFile(lock, "utf8")) as { owners: { pid: number }[] };
      await writeFile(
        path.join(folder, "left"),
        JSON.stringify({ owners: [{ pid: dead.pid, started: "1" }, owners[1]] }),
      );
    });
    await writeFile(lock, await readFile(path.join(folder, "left")));
    const next = withLock(lock, () => appendFile(journal(), "+"));
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(existsSync(journal())).toBe(false);
    command.kill("SIGKILL");
    await next;
    expect(existsSync(journal())).toBe(true);
  } finally {
    command.kill("SIGKILL");
  }
});
