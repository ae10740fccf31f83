import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Redis } from "ioredis";

import { authorityCertificate, newKey, nodeCertificate } from "../../secrets/x509.ts";

/** How long a server may take to answer, or to end, in milliseconds. */
const patienceMs = 10_000;

/** A server that this process started and has to stop. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** A connection over loopback, closed by `stop`. */
  readonly client: Redis;
  /** Ends the server by its pid and waits until it is gone; does nothing the second time. */
  readonly stop: () => Promise<void>;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface LaunchOptions {
  /** Folder of this server, from `withFolder` or inside of one, which also stops it; `state` and `etc` are made inside. */
  readonly folder: string;
  /** The rendered file, which goes to `etc`. */
  readonly conf: string;
  readonly port: number;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** @default redis-server or redis-sentinel */
  readonly program?: string;
  /**
   * Who asks the server whether it is there; its connection is `client`.
   * @default - the user default, without a password
   */
  readonly login?: Login;
}

/** Servers by the folder that they run in. */
const launched = new Map<string, RunningServer[]>();

/**
 * Runs `use` with a new temporary folder, whose name has a space in it. Whatever happens, it then stops the servers
 * that were launched there and removes the folder.
 */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "redis ha "));
  try {
    return await use(folder);
  } finally {
    const inside = [...launched].filter(([at]) => at === folder || at.startsWith(`${folder}${sep}`));
    await Promise.all(inside.flatMap(([, servers]) => servers.map(({ stop }) => stop())));
    for (const [at] of inside) launched.delete(at);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The file that redis-server owns below a folder. */
export const runtimeFile = (folder: string): string => join(folder, "state", "runtime.conf");
/** The file that redis-sentinel owns below a folder. */
export const sentinelStateFile = (folder: string): string => join(folder, "state", "sentinel.conf");

/**
 * Starts redis-server the way a node does: its own file, empty at first, then the rendered one.
 * @throws with the server's output when it ends or does not answer in 10 s.
 */
export async function launchRedis(options: LaunchOptions): Promise<RunningServer> {
  return launch(options, "redis-server", "redis.conf", runtimeFile(options.folder), "");
}

/**
 * Starts redis-sentinel the way a node does; `state` is written when it has no state file yet.
 * @throws with Sentinel's output when it ends or does not answer in 10 s.
 */
export async function launchSentinel(options: LaunchOptions & { readonly state: string }): Promise<RunningServer> {
  return launch(options, "redis-sentinel", "sentinel.conf", sentinelStateFile(options.folder), options.state);
}

async function launch(
  options: LaunchOptions,
  program: string,
  name: string,
  ownFile: string,
  seed: string,
): Promise<RunningServer> {
  const { folder, conf, port, host = "127.0.0.1" } = options;
  const state = join(folder, "state");
  const rendered = join(folder, "etc", name);
  const log = join(folder, `${name}.log`);
  await mkdir(state, { recursive: true });
  await mkdir(join(folder, "etc"), { recursive: true });
  await writeFile(rendered, conf);
  await writeFile(ownFile, seed, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const certificate = /^tls-port/m.test(conf) ? await withCertificate(folder, host) : undefined;
  const files = [rendered, ...(certificate ? [certificate.conf] : [])].flatMap((file) => ["--include", file]);
  const args = [ownFile, ...files, "--dir", state, "--logfile", log];
  const tls = certificate ? { tls: { ca: certificate.authority } } : {};
  const server = await start(options.program ?? program, args, { host, port, ...options.login, ...tls }, log);
  launched.set(folder, [...(launched.get(folder) ?? []), server]);
  return server;
}

/** A certificate for a server of this computer, and the file that names it to the server, as a node's launcher does. */
async function withCertificate(folder: string, host: string): Promise<{ conf: string; authority: string }> {
  const [authorityKey, key] = [await newKey(), await newKey()];
  const authority = await authorityCertificate("test", authorityKey);
  const names = { dns: ["localhost"], addresses: [host] };
  const certificate = await nodeCertificate({ certificate: authority, key: authorityKey }, names, key);
  const files = { "ca-cert": authority, cert: certificate, key };
  const lines = Object.entries(files).map(async ([name, text]) => {
    const file = join(folder, "etc", `${name}.pem`);
    await writeFile(file, text);
    return `tls-${name}-file "${file}"\n`;
  });
  const conf = join(folder, "etc", "tls.conf");
  await writeFile(conf, (await Promise.all(lines)).join(""));
  return { conf, authority };
}

/** What this process has started and not yet seen end. */
const children = new Set<ChildProcess>();
let watching = false;

/** The last resort: a test process that ends half-way, by itself or because vitest ends it, takes its servers along. */
function watchTheEnd(): void {
  if (watching) return;
  watching = true;
  const killAll = (): void => children.forEach((child) => child.kill("SIGKILL"));
  process.once("exit", killAll);
  process.once("disconnect", killAll);
  process.once("SIGTERM", () => {
    killAll();
    // The handler was the only reason not to end.
    process.kill(process.pid, "SIGTERM");
  });
}

interface Place extends Partial<Login> {
  readonly tls?: { readonly ca: string };
  readonly host: string;
  readonly port: number;
}

async function start(program: string, args: string[], place: Place, log: string): Promise<RunningServer> {
  const { port } = place;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      output += error.message;
      resolve();
    });
  });
  children.add(child);
  watchTheEnd();
  try {
    const client = await connectTo(child, place);
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      client.disconnect();
      return (stopping ??= end(child, ended));
    };
    return { pid: child.pid ?? 0, port, client, stop };
  } catch (error) {
    await end(child, ended);
    const logged = await readFile(log, "utf8").catch(() => "");
    throw new Error(`${program} on port ${port}: ${(error as Error).message}\n${output}${logged}`);
  }
}

/** Waits until the server answers, and makes sure that it is this child and no other server on the port. */
async function connectTo(child: ChildProcess, place: Place): Promise<Redis> {
  const deadline = Date.now() + patienceMs;
  let last = "";
  while (Date.now() < deadline) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`ended before it answered`);
    }
    const client = new Redis({ ...place, lazyConnect: true, retryStrategy: () => null, connectTimeout: 500 });
    client.on("error", (error) => (last = error.message));
    try {
      await client.connect();
      const pid = /process_id:(\d+)/.exec(await client.info("server"))?.[1];
      if (pid === String(child.pid)) return client;
      last = `the port is taken by process ${pid ?? "unknown"}`;
    } catch (error) {
      last = (error as Error).message;
    }
    client.disconnect();
    await sleep(25);
  }
  throw new Error(`did not answer on ${place.host} in ${patienceMs / 1000} s (${last})`);
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  await ended;
  clearTimeout(timer);
  children.delete(child);
}
