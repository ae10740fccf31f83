import fs from "node:fs";
import path from "node:path";
import { askRedis, askSentinels, quorumMaster, redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import { parseSentinelFile } from "../topology/config-file.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { logger } from "./log.ts";
import { appliedSpec, type NodeFolder } from "./node-folder.ts";
import { endProcess, isAlive, readRecord, takeLock, waitFor } from "./processes.ts";
import { Server } from "./server.ts";

/** Sentinel's own time for a failover after a clean stop: down-after, about 1.5 s for the election, and a reserve. */
const FAILOVER_RESERVE_MS = 10_000;
/** An apply whose Terraform was killed may still be at work; it ends by itself within its own bounds. */
const APPLY_TIMEOUT_MS = 60_000;

export interface RetireOptions {
  /** False when the whole cluster is being ended, so that nobody needs a new master. @default true */
  readonly waitForFailover?: boolean;
  /** Who the node is, should its folder be lost. @default - only what the folder tells */
  readonly described?: NodeSpec;
}

/**
 * Stops a node for good: its agent, then its servers. Its data stays in its folder.
 * A master leaves its writes to its replicas first, and its Sentinel stays until the others have elected a new master.
 * @returns what was done, in words
 */
export async function retire(folder: NodeFolder, options: RetireOptions = {}): Promise<string[]> {
  const spec = appliedSpec(folder) ?? options.described;
  if (!fs.existsSync(folder.root) && !(spec && (await isRunning(spec, folder)))) return [];
  const lock = await waitFor(
    `the apply that is at work on ${path.basename(folder.root)} ends`,
    () => {
      const taken = takeLock(path.join(folder.run, "apply.lock"));
      return "release" in taken ? taken : undefined;
    },
    APPLY_TIMEOUT_MS,
    100,
  );
  try {
    const done = await endRecorded(folder, "agent");
    if (spec) done.push(...(await endServers(spec, folder, options.waitForFailover ?? true)));
    else for (const name of ["redis", "sentinel"]) done.push(...(await endRecorded(folder, name)));
    // Last: until here a run that was killed leaves a node that the next one still knows how to retire.
    if (fs.existsSync(folder.spec)) fs.renameSync(folder.spec, folder.retired);
    return done;
  } finally {
    lock.release();
  }
}

async function isRunning(spec: NodeSpec, folder: NodeFolder): Promise<boolean> {
  for (const server of serversOf(spec, folder)) if (await server.find()) return true;
  return false;
}

function serversOf(spec: NodeSpec, folder: NodeFolder): Server[] {
  const log = (message: string): void => logger(path.join(folder.logs, "agent.log"))(message);
  return [
    ...(spec.node.redisPort === undefined ? [] : [new Server("redis", spec, folder, log)]),
    ...(spec.node.sentinelPort === undefined ? [] : [new Server("sentinel", spec, folder, log)]),
  ];
}

async function endServers(spec: NodeSpec, folder: NodeFolder, waitForFailover: boolean): Promise<string[]> {
  const done: string[] = [];
  for (const server of serversOf(spec, folder)) {
    if (!(await server.find())) continue;
    const wasMaster = server.name === "redis" && (await isMaster(spec));
    await server.stop();
    done.push(`${server.name} stopped`);
    if (waitForFailover && wasMaster && (await othersCanElect(spec))) {
      done.push(`master is now ${await untilFailedOver(spec)}`);
    }
  }
  return done;
}

/** Ends a process by its record alone. The agent goes first, so that it does not start again what is being stopped. */
async function endRecorded(folder: NodeFolder, name: string): Promise<string[]> {
  const file = path.join(folder.run, `${name}.json`);
  const record = readRecord(file);
  const runs = record !== undefined && isAlive(record);
  if (runs) await endProcess(record, 10_000);
  fs.rmSync(file, { force: true });
  if (name === "agent") for (const rest of [folder.socket, agentLock(folder)]) fs.rmSync(rest, { force: true });
  return runs ? [`${name} stopped`] : [];
}

const agentLock = (folder: NodeFolder): string => path.join(folder.run, "agent.lock");

async function isMaster(spec: NodeSpec): Promise<boolean> {
  const [own] = await askRedis([spec.node]);
  return own?.state?.role === "master";
}

/** A quorum of Sentinels besides a promotable replica: without them this is the end of the cluster, not a failover. */
async function othersCanElect(spec: NodeSpec): Promise<boolean> {
  const [sentinels, redis] = await Promise.all([askSentinels(allNodes(spec), spec.masterName), askRedis(spec.peers)]);
  const named = quorumMaster(sentinels, spec.quorum, allNodes(spec));
  if (named?.name !== spec.node.name) return false;
  return redis.some(({ node, state }) => node.promotable && sameEndpoint(state?.master, redisEndpoint(spec.node)));
}

function untilFailedOver(spec: NodeSpec): Promise<string> {
  const settings = parseSentinelFile(spec.files["sentinel.conf"] ?? "").masters.get(spec.masterName);
  return waitFor(
    `${spec.node.name}: its redis-server is stopped and its replicas have every write, but the Sentinels should elect ` +
      `another master (redis-ha verify says why they cannot; the next apply goes on from here)`,
    async () => {
      const nodes = allNodes(spec);
      const named = quorumMaster(await askSentinels(nodes, spec.masterName), spec.quorum, nodes);
      return named && named.name !== spec.node.name ? named.name : undefined;
    },
    Number(settings?.get("down-after-milliseconds") ?? 2000) + FAILOVER_RESERVE_MS,
    100,
  );
}
