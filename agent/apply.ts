import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseConfigFile, parseSentinelFile } from "../topology/config-file.ts";
import { onHost } from "../topology/host-places.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { ensureAgent } from "./agent-process.ts";
import { restartForRest, setLiveKeys } from "./apply-redis.ts";
import { applySentinel, forgetGhosts } from "./apply-sentinel.ts";
import { askAgent } from "./control.ts";
import { appliedSpec, type NodeFolder } from "./node-folder.ts";
import { isAlive, readRecord, takeLock } from "./processes.ts";
import { failOnError, noteComplete, untilInStep } from "./restart.ts";
import type { ServerName, ServerRecord } from "./server.ts";
import { refuseOtherSecrets } from "./other-secrets.ts";
import { readShare, stageSecrets } from "./secrets.ts";
import { restartExpired, setSecrets } from "./apply-secrets.ts";
import { type Report, type Session, withSession } from "./session.ts";
import { noteProven, stageFiles } from "./stage.ts";

/**
 * Makes a node what its spec says: files, agent, servers, running configuration. Touches nothing that is right already.
 * A setting that needs a restart of the master hands its role over first. Can be killed at any step and run again.
 * @param given.report told what is waited for, and what was mended besides
 * @param given.secrets the node's share @default - it keeps the one that it has
 * @returns what was changed, in words; nothing when there was nothing to change
 * @throws when the node cannot be made so; the message says why and what to do
 */
export async function applySpec(
  spec: NodeSpec,
  folder: NodeFolder,
  { report = () => undefined, secrets }: { report?: Report; secrets?: NodeSecrets | undefined } = {},
): Promise<string[]> {
  const share = secrets && ofNode(spec, secrets);
  const former = readShare(folder);
  if (share) await refuseOtherSecrets(spec, former, share);
  const apply = (session: Session): Promise<string[]> => applyIn(session, { former, share });
  return withSession(spec, folder, `apply-of-${spec.node.name}`, report, apply, { share });
}

/** What it does without, a node does not keep. @throws when it lacks what it cannot do without */
export function ofNode({ tls: wanted, node, environment }: NodeSpec, { tls, ...rest }: NodeSecrets): NodeSecrets {
  if (wanted && !tls)
    throw new Error(
      `${node.name}: it was applied with TLS, and the environment's store has no certificate that is right for it. Nothing was ` +
        `changed. npx redis-ha secrets list --env ${environment} shows what there is`,
    );
  return { ...rest, ...(wanted && tls ? { tls } : {}) };
}

interface Shares {
  /** What the node had when the other one was found to fit. */
  readonly former: NodeSecrets | undefined;
  readonly share: NodeSecrets | undefined;
}

async function applyIn(session: Session, { former, share }: Shares): Promise<string[]> {
  const { spec, folder } = session;
  checkFiles(spec);
  return withNodeLock(spec, folder, async () => {
    if (share && ![former, share].some((known) => isDeepStrictEqual(known, readShare(folder)))) {
      throw new Error(`${spec.node.name}: another command gave it other secrets meanwhile; run this one again`);
    }
    const staged = share ? stageSecrets(folder, share) : [];
    const pids = runningPids(folder);
    const before = appliedSpec(folder)?.files["sentinel.conf"];
    const data = spec.node.redisPort !== undefined;
    const changes = data ? await setLiveKeys(session) : [];
    changes.unshift(...stageFiles(spec, folder), ...staged);
    await ensureAgent(folder, changes, onHost(spec));
    await ensureServers(session, pids, changes);
    changes.push(...(await restartExpired(session)));
    changes.push(...(await setSecrets(session)));
    if (data) changes.push(...(await restartForRest(session)));
    if (spec.node.sentinelPort !== undefined) changes.push(...(await applySentinel(session, before)));
    if (changes.length > 0) await untilInStep(session);
    noteProven(folder);
    await noteComplete(session);
    return changes;
  });
}

/** @throws when a file cannot even be read: it must not lie on the disk, waiting for the next start of its server */
function checkFiles({ node, environment, files }: NodeSpec): void {
  for (const [name, parse] of [
    ["redis.conf", parseConfigFile],
    ["sentinel.conf", parseSentinelFile],
  ] as const) {
    try {
      parse(files[name] ?? "");
    } catch (error) {
      throw new Error(
        `${node.name}: ${name}: ${(error as Error).message}. Nothing was changed; ` +
          `correct it in environments/${environment}.ts, or in templates/${name}, and apply again`,
      );
    }
  }
}

/** Makes a node's Sentinel forget nodes that are gone, and nothing else. */
export function forgetGone(spec: NodeSpec, folder: NodeFolder, report: Report): Promise<string[]> {
  return withSession(spec, folder, `converge-of-${spec.node.name}`, report, (session) =>
    withNodeLock(spec, folder, () => forgetGhosts(session)),
  );
}

/** Nobody else works on this node meanwhile. Always taken after the cluster's lock. @throws when somebody does */
export async function withNodeLock<T>(spec: NodeSpec, folder: NodeFolder, use: () => Promise<T>): Promise<T> {
  const lock = takeLock(path.join(folder.run, "apply.lock"));
  if ("holder" in lock) {
    throw new Error(
      `${spec.node.name}: another apply is at work on this node (pid ${lock.holder.pid}); wait for it, then apply again`,
    );
  }
  try {
    return await use();
  } finally {
    lock.release();
  }
}

async function ensureServers({ spec, folder }: Session, before: Pids, changes: string[]): Promise<void> {
  const after = await askAgent(folder.socket, { do: "ensure" });
  failOnError(spec.node.name, after);
  for (const name of ["redis", "sentinel"] as const) {
    const pid = after.servers[name]?.pid;
    if (pid && pid !== before[name]) changes.push(`${name} started`);
  }
}

type Pids = Partial<Record<ServerName, number>>;

function runningPids(folder: NodeFolder): Pids {
  const alive = (["redis", "sentinel"] as const).flatMap((name) => {
    const record = readRecord<ServerRecord>(path.join(folder.run, `${name}.json`));
    return record && isAlive(record) ? [[name, record.pid] as const] : [];
  });
  return Object.fromEntries(alive);
}
