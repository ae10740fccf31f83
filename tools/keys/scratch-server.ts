import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { Redis } from "ioredis";

const startTimeoutMs = 10_000;

/**
 * Runs `use` with a server of its own, which listens on a socket in a temporary folder and on no port; then ends it.
 * @param program redis-server or redis-sentinel, or valkey's
 * @param conf further lines of its configuration
 * @throws with the server's output when it does not answer in 10 s
 */
export async function withScratchServer<T>(
  program: string,
  conf: string,
  use: (redis: Redis) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "redis-keys-"));
  const socket = path.join(folder, "socket");
  const file = path.join(folder, "server.conf");
  writeFileSync(file, `port 0\nunixsocket ${socket}\ndir ${folder}\n${conf}`);
  const child = execa(program, [file], { stdin: "ignore", all: true, reject: false });
  const redis = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    const deadline = Date.now() + startTimeoutMs;
    while (!(await connects(redis))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill("SIGKILL");
        throw new Error(`${program} does not answer:\n${(await child).all}`);
      }
      await sleep(20);
    }
    return await use(redis);
  } finally {
    redis.disconnect();
    child.kill("SIGKILL");
    await child;
    rmSync(folder, { recursive: true, force: true });
  }
}

const connects = (redis: Redis): Promise<boolean> =>
  redis.connect().then(
    () => true,
    () => false,
  );

/**
 * What a server says to a line of its configuration file: undefined when it takes it, else its reason. It never starts:
 * the file ends with a line that no server takes.
 * @throws when the server says neither
 */
export async function readLine(program: string, line: string): Promise<string | undefined> {
  const { all } = await execa(program, ["-"], { input: `${line}\n${poison.line}\n`, all: true, reject: false });
  const [, refused, reason] = /^>>> '(.*)'\n(.*)$/m.exec(all) ?? [];
  if (refused === undefined) throw new Error(`${program} says nothing of ${line}:\n${all}`);
  return refused === poison.line ? undefined : reason;
}

/** What every server refuses. */
export const poison = { key: "maxmemory-policy", value: "poison", line: "maxmemory-policy poison" };
/** For questions about the key of `poison`. */
export const otherPoison = { key: "appendfsync", value: "poison" };
