import fs from "node:fs";
import path from "node:path";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { passGate } from "./gate.ts";
import { OVERRIDE, overridden } from "./override.ts";
import { logger } from "./log.ts";
import { appliedSpec, type NodeFolder } from "./node-folder.ts";
import { endProcess, isAlive, readRecord, takeLock, waitFor } from "./processes.ts";
import { passRoleOn } from "./restart.ts";
import { speakAsAgent } from "./secrets.ts";
import { Server, serverNames } from "./server.ts";
import { type Report, retiredNodes, withSession } from "./session.ts";

/** An apply whose Terraform was killed may still be at work; it ends by itself within its own bounds. */
const APPLY_TIMEOUT_MS = 60_000;

export interface RetireOptions {
  /** The whole cluster is being ended, so that nobody needs a new master. @default false */
  readonly everything?: boolean;
  /** Who the node is, should its folder be lost. @default - only what the folder tells */
  readonly described?: NodeSpec;
  readonly report?: Report;
}

/**
 * Stops a node for good: its agent, then its servers. Its data stays in its folder. A master hands its role over first.
 * @returns what was done, in words
 * @throws when the others could not go on without losing writes; the node runs on then
 */
export async function retire(folder: NodeFolder, options: RetireOptions = {}): Promise<string[]> {
  const spec = appliedSpec(folder) ?? options.described;
  if (spec) speakAsAgent(allNodes(spec), folder);
  if (!fs.existsSync(folder.root) && !(spec && (await isRunning(spec, folder)))) return [];
  const { everything = false, report = () => undefined } = options;
  const left = spec && !everything ? await leave(spec, folder, report) : [];
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
    const done = [...left, ...(await endRecorded(folder, "agent"))];
    if (spec) done.push(...(await endServers(spec, folder)));
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
  return serverNames(spec.node).map((name) => new Server(name, spec, folder, log));
}

async function endServers(spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const done: string[] = [];
  for (const server of serversOf(spec, folder)) {
    if (!(await server.find())) continue;
    await server.stop();
    done.push(`${server.name} stopped`);
  }
  return done;
}

/**
 * Lets the others go on without this node: its role goes to a replica that has every write. When nobody else is left,
 * this is the end of the cluster and no removal, and nothing needs to be left behind.
 * @param gone nodes that were retired before, beside those whose folders lie here
 * @returns what was done, in words
 * @throws when the others do not have what this node has, or could not fail over any more
 */
export async function leave(
  spec: NodeSpec,
  folder: NodeFolder,
  report: Report,
  gone: readonly string[] = [],
): Promise<string[]> {
  if (spec.node.redisPort === undefined || !fs.existsSync(folder.complete)) return [];
  if (overridden()) {
    report(`leaves without asking what the others have (npm stop, or ${OVERRIDE}=1)`);
    return [];
  }
  return withSession(spec, folder, `retire-of-${spec.node.name}`, report, async (session) => {
    const { links } = session;
    const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
    const own = servers.find(({ node }) => node.name === spec.node.name);
    const others = servers.filter((answer) => answer !== own && answer.state);
    if (!own?.state || others.length === 0) return [];
    const isMaster = links.named(sentinels)?.name === spec.node.name && own.state.role === "master";
    if (!isMaster && own.state.role === "replica") {
      // Whose word the others follow does not change, but the last copy in sync must stay.
      const where = { environment: spec.environment, retired: () => [...retiredNodes(session), ...gone], report };
      await passGate(links, where, spec.node, "redis", { verb: "retiring" });
      return [];
    }
    if (!session.lock) {
      report(`no majority of Sentinels answers: the others are left without a master`);
      return [];
    }
    return passRoleOn(session);
  });
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
