import fs from "node:fs";
import path from "node:path";
import { askRedis, askSentinels, quorumMaster, sameEndpoint, redisEndpoint } from "../cluster/answers.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { askAgent, NoAgent } from "./control.ts";
import { logger } from "./log.ts";
import { appliedSpec, type NodeFolder } from "./node-folder.ts";
import { endProcess, readRecord, waitFor } from "./processes.ts";
import { Server } from "./server.ts";

/** Sentinel's own time for a failover after a clean stop: down-after, about 1.5 s for the election, and a reserve. */
const FAILOVER_RESERVE_MS = 10_000;

/**
 * Stops a node for good: its agent, then its servers. Its data stays in its folder.
 * A master leaves its writes to its replicas first, and its Sentinel stays until the others have elected a new master.
 * @param waitForFailover false when the whole cluster is being ended, so that nobody needs a new master
 * @returns what was done, in words
 */
export async function retire(folder: NodeFolder, waitForFailover = true): Promise<string[]> {
  const done: string[] = [];
  const spec = appliedSpec(folder);
  await endAgent(folder, done);
  if (!spec) return done;
  const log = logger(path.join(folder.logs, "agent.log"));
  const redis = new Server("redis", spec, folder, log);
  const sentinel = new Server("sentinel", spec, folder, log);
  const wasMaster = spec.node.redisPort !== undefined && (await redis.find()) && (await isMaster(spec));
  if (await redis.find()) {
    await redis.stop();
    done.push("redis stopped");
  }
  if (waitForFailover && wasMaster && (await othersCanElect(spec))) {
    done.push(`master is now ${await untilFailedOver(spec)}`);
  }
  if (await sentinel.find()) {
    await sentinel.stop();
    done.push("sentinel stopped");
  }
  // Last: until here a run that was killed leaves a node that the next one still knows how to retire.
  fs.renameSync(folder.spec, folder.retired);
  return done;
}

/** The agent goes first, so that it does not start again what is being stopped. */
async function endAgent(folder: NodeFolder, done: string[]): Promise<void> {
  const file = path.join(folder.run, "agent.json");
  const record = readRecord(file);
  try {
    await askAgent(folder.socket, { do: "leave" });
  } catch (error) {
    if (!(error instanceof NoAgent)) done.push((error as Error).message);
  }
  if (record) {
    await endProcess(record, 10_000);
    done.push("agent stopped");
  }
  for (const rest of [file, folder.socket, path.join(folder.run, "agent.lock")]) fs.rmSync(rest, { force: true });
}

async function isMaster(spec: NodeSpec): Promise<boolean> {
  const [own] = await askRedis([spec.node]);
  return own?.state?.role === "master";
}

/** A quorum of Sentinels besides a promotable, linked replica: without them this is the end of the cluster, not a failover. */
async function othersCanElect(spec: NodeSpec): Promise<boolean> {
  const [sentinels, redis] = await Promise.all([askSentinels(allNodes(spec), spec.masterName), askRedis(spec.peers)]);
  const named = quorumMaster(sentinels, spec.quorum, allNodes(spec));
  if (named?.name !== spec.node.name) return false;
  return redis.some(({ node, state }) => node.promotable && sameEndpoint(state?.master, redisEndpoint(spec.node)));
}

function untilFailedOver(spec: NodeSpec): Promise<string> {
  const downAfter = Number(/down-after-milliseconds \S+ (\d+)/.exec(spec.files["sentinel.conf"] ?? "")?.[1] ?? 2000);
  return waitFor(
    `${spec.node.name}: its redis-server is stopped and its replicas have every write, but the Sentinels should elect ` +
      `another master (redis-ha verify says why they cannot; the next apply goes on from here)`,
    async () => {
      const nodes = allNodes(spec);
      const named = quorumMaster(await askSentinels(nodes, spec.masterName), spec.quorum, nodes);
      return named && named.name !== spec.node.name ? named.name : undefined;
    },
    downAfter + FAILOVER_RESERVE_MS,
    100,
  );
}
