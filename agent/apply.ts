import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { redisEndpoint, redisStateOf } from "../cluster/answers.ts";
import { parseInfo, withConnection } from "../cluster/connection.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { askAgent, NoAgent, type Response } from "./control.ts";
import { ghosts, liveChanges, sentinelDrift, setLive } from "./live.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { isAlive, type ProcessRecord, readRecord, takeLock, waitFor } from "./processes.ts";
import { installProgram, programHash } from "./program.ts";
import { configHash, configKeys, type ServerName, type ServerRecord } from "./server.ts";
import { lastLines } from "./log.ts";

const serverNames = ["redis", "sentinel"] as const;

/** A replica that is being filled may need this long before the next node is touched. */
const LINK_TIMEOUT_MS = 120_000;
const AGENT_START_TIMEOUT_MS = 10_000;

/**
 * Makes a node what its spec says: files, agent, servers, running configuration. Touches nothing that is right already.
 * Can be killed at any step and run again.
 * @returns what was changed, in words; nothing when there was nothing to change
 * @throws when the node cannot be made so; the message says why and what to do
 */
export async function applySpec(spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const lock = takeLock(path.join(folder.run, "apply.lock"));
  if ("holder" in lock) {
    throw new Error(
      `${spec.node.name}: another apply is at work on this node (pid ${lock.holder.pid}); wait for it, then apply again`,
    );
  }
  try {
    const before = runningPids(folder);
    const changes = stageFiles(spec, folder);
    await ensureAgent(folder, changes);
    await ensureServers(spec, folder, before, changes);
    if (spec.node.redisPort !== undefined) await applyRedis(spec, folder, changes);
    if (spec.node.sentinelPort !== undefined) await applySentinel(spec, folder, changes);
    return changes;
  } finally {
    lock.release();
  }
}

/** Prepares the folders of a node; all of them are the user's own. */
export function createFolders(folder: NodeFolder): void {
  for (const directory of [
    folder.root,
    path.dirname(folder.redisConf),
    folder.redisData,
    folder.sentinelData,
    folder.logs,
    folder.run,
    folder.programs,
  ]) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
}

/** The spec last: only when the files are there may an agent start servers from it. */
function stageFiles(spec: NodeSpec, folder: NodeFolder): string[] {
  createFolders(folder);
  const changes: string[] = [];
  const stage = (file: string, text: string | undefined): void => {
    const before = readIfThere(file);
    if (before === text) return;
    if (text === undefined) fs.rmSync(file, { force: true });
    else writeAtomically(file, text);
    changes.push(`${path.basename(file)} ${before === undefined ? "written" : "changed"}`);
  };
  stage(folder.redisConf, spec.files["redis.conf"]);
  stage(folder.sentinelConf, spec.files["sentinel.conf"]);
  stage(folder.spec, `${JSON.stringify(spec, undefined, 2)}\n`);
  fs.rmSync(folder.retired, { force: true });
  return changes;
}

/** Starts the resident agent, or replaces one that runs an older program. The servers run on meanwhile. */
async function ensureAgent(folder: NodeFolder, changes: string[]): Promise<void> {
  const running = await agentStatus(folder);
  if (running?.program === programHash()) return;
  if (running) {
    const record = readRecord(path.join(folder.run, "agent.json"));
    await askAgent(folder.socket, { do: "leave" });
    const gone = (): true | undefined => (record && isAlive(record) ? undefined : true);
    await waitFor(`the agent (pid ${running.pid}) leaves`, gone, AGENT_START_TIMEOUT_MS);
  }
  const program = installProgram(folder);
  const log = path.join(folder.logs, "agent.log");
  const output = fs.openSync(log, "a", 0o600);
  try {
    // Its own session, no terminal, nothing of ours kept open: Terraform must not wait for it, nor take it along.
    const child = spawn(process.execPath, ["--max-old-space-size=64", program, "host", "run", folder.root], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output, output],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], LANG: "C" },
    });
    child.unref();
  } finally {
    fs.closeSync(output);
  }
  await waitFor(
    "the agent answers",
    async () => (await agentStatus(folder))?.program === programHash() || undefined,
    AGENT_START_TIMEOUT_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; the last lines of ${log}:\n${lastLines(log, 5)}`);
  });
  changes.push(running ? "agent replaced" : "agent started");
}

/** The agent's own account, or undefined when it does not run. An agent that was killed leaves its socket behind. */
async function agentStatus(folder: NodeFolder): Promise<Response | undefined> {
  const record = readRecord(path.join(folder.run, "agent.json"));
  if (!record || !isAlive(record)) return undefined;
  try {
    return await askAgent(folder.socket, { do: "status" });
  } catch (error) {
    if (error instanceof NoAgent) return undefined;
    throw error;
  }
}

async function ensureServers(
  spec: NodeSpec,
  folder: NodeFolder,
  before: ReturnType<typeof runningPids>,
  changes: string[],
): Promise<void> {
  const after = await askAgent(folder.socket, { do: "ensure" });
  failOnError(spec, after);
  for (const name of serverNames) {
    const pid = after.servers[name]?.pid;
    if (pid && pid !== before[name]) changes.push(`${name} started`);
  }
}

function runningPids(folder: NodeFolder): Partial<Record<ServerName, number>> {
  const alive = serverNames.flatMap((name) => {
    const record = recordOfServer(folder, name);
    return record && isAlive(record) ? [[name, record.pid] as const] : [];
  });
  return Object.fromEntries(alive);
}

/** Sets what can be set live, restarts for the rest, and waits until the node is in step again. */
async function applyRedis(spec: NodeSpec, folder: NodeFolder, changes: string[]): Promise<void> {
  const text = spec.files["redis.conf"] ?? "";
  await untilLoaded(spec);
  const record = recordOfServer(folder, "redis");
  const dropped = (record?.keys ?? []).filter((key) => !configKeys(text).includes(key));
  // The fence of a master that no quorum has confirmed yet is the agent's to lift.
  const fenced = record?.fenced === true;
  const live = (await liveChanges(spec, text)).filter(({ key }) => !(fenced && key === "min-replicas-to-write"));
  // Before any restart: a value that the server refuses stops here, with the server still running.
  const refused = await setLive(spec, live);
  changes.push(...live.filter(({ key }) => !refused.includes(key)).map(({ key, wanted }) => `${key} set to ${wanted}`));
  if (dropped.length + refused.length > 0) {
    failOnError(spec, await askAgent(folder.socket, { do: "restart", server: "redis" }));
    const why = [...refused, ...dropped.map((key) => `${key} dropped`)].join(", ");
    changes.push(`redis restarted (${why})`);
    await untilLoaded(spec);
    const left = (await liveChanges(spec, text)).filter(({ key }) => key !== "min-replicas-to-write");
    if (left.length > 0) {
      throw new Error(
        `${spec.node.name}: after a restart redis-server still has ` +
          left.map(({ key, wanted, running }) => `${key} ${running} instead of ${wanted}`).join(", "),
      );
    }
  } else if (record && record.config !== configHash(text)) {
    rememberConfig(folder, "redis", record, text);
  }
  await untilLinked(spec);
}

/** A Sentinel loses nothing by a restart, and its prestart step forgets nodes that are gone. */
async function applySentinel(spec: NodeSpec, folder: NodeFolder, changes: string[]): Promise<void> {
  const text = spec.files["sentinel.conf"] ?? "";
  const record = recordOfServer(folder, "sentinel");
  const why = record?.config === configHash(text) ? await sentinelDrift(spec, text) : ["sentinel.conf changed"];
  if (why.length === 0) return;
  failOnError(spec, await askAgent(folder.socket, { do: "restart", server: "sentinel" }));
  changes.push(`sentinel restarted (${why.join(", ")})`);
}

/** Makes the node's Sentinel forget nodes that are gone; touches nothing else. @returns what was done, in words */
export async function forgetGhosts(spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  if (spec.node.sentinelPort === undefined) return [];
  const why = await ghosts(spec);
  if (why.length === 0) return [];
  failOnError(spec, await askAgent(folder.socket, { do: "restart", server: "sentinel" }));
  return [`sentinel restarted (${why.join(", ")})`];
}

const recordFile = (folder: NodeFolder, server: ServerName): string => path.join(folder.run, `${server}.json`);
const recordOfServer = (folder: NodeFolder, server: ServerName): ServerRecord | undefined =>
  readRecord<ServerRecord & ProcessRecord>(recordFile(folder, server));

/** Live settings made the running server equal to this text: a later apply need not look for dropped keys again. */
function rememberConfig(folder: NodeFolder, server: ServerName, record: ServerRecord, text: string): void {
  const fresh: ServerRecord = { ...record, config: configHash(text), keys: configKeys(text) };
  writeAtomically(recordFile(folder, server), JSON.stringify(fresh));
}

function failOnError(spec: NodeSpec, response: Response): void {
  const errors = [response.error, ...Object.values(response.servers).map(({ error }) => error)].filter(Boolean);
  if (errors.length > 0) throw new Error(`${spec.node.name}: ${errors.join("\n")}`);
}

/** Loading grows with the data: about 1 s for 200 MB; a server that answers LOADING is alive and gets its time. */
async function untilLoaded(spec: NodeSpec): Promise<void> {
  await waitFor(
    `${spec.node.name}: redis-server has loaded its data`,
    async () => ((await stateOf(spec))?.loading === false ? true : undefined),
    LINK_TIMEOUT_MS,
  );
}

/** A replica whose master answers must be linked before the next node is touched. Without a master there is no wait. */
async function untilLinked(spec: NodeSpec): Promise<void> {
  await waitFor(
    `${spec.node.name}: the replica's link to its master is up`,
    async () => {
      const state = await stateOf(spec);
      if (state?.role !== "replica") return state ? true : undefined;
      if (state.link === "up") return true;
      const master =
        state.master && (await withConnection(state.master, (redis) => redis.ping()).catch(() => undefined));
      return master === undefined ? true : undefined;
    },
    LINK_TIMEOUT_MS,
    50,
  );
}

const stateOf = (spec: NodeSpec): Promise<ReturnType<typeof redisStateOf> | undefined> =>
  withConnection(redisEndpoint(spec.node), async (redis) => redisStateOf(parseInfo(await redis.info()))).catch(
    () => undefined,
  );
