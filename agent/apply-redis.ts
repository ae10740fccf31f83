import path from "node:path";
import { redisStateOf } from "../cluster/answers.ts";
import { pairs, parseInfo } from "../cluster/connection.ts";
import { parseConfigFile, sameConfigValue } from "../topology/config-file.ts";
import { liveChanges, type LiveChange, setLive, unreportedKeys } from "./live.ts";
import { PRIORITY } from "./recency.ts";
import { MIN_REPLICAS } from "./min-replicas.ts";
import { writeAtomically } from "./node-folder.ts";
import { waitFor } from "./processes.ts";
import { restartServer } from "./restart.ts";
import { configHash, configKeys, redisRecord, type ServerRecord } from "./server.ts";
import type { Session } from "./session.ts";
import { provenSpec } from "./stage.ts";

/** Loading grows with the data: about 1 s for 200 MB; a server that answers LOADING is alive and gets its time. */
const LOAD_TIMEOUT_MS = 120_000;

/**
 * Gives the running redis-server what it takes live, all of it or nothing. Comes before the files are written: a value
 * that the server refuses must not wait there for the next start.
 * @returns what was changed, in words; nothing when no server runs
 * @throws when the server refuses a value; nothing is changed then
 */
export async function setLiveKeys(session: Session): Promise<string[]> {
  const { spec } = session;
  const state = await ownState(session);
  if (!state) return [];
  await untilLoaded(session);
  const live = await differences(session);
  const refused = await setLive(spec, live);
  return live.filter(({ key }) => !refused.includes(key)).map(({ key, wanted }) => `${key} set to ${wanted}`);
}

/** Restarts redis-server for what it takes only at its start. @returns what was done, in words */
export async function restartForRest(session: Session): Promise<string[]> {
  const { spec, folder } = session;
  const text = spec.files["redis.conf"] ?? "";
  await untilLoaded(session);
  const record = redisRecord(folder);
  const dropped = droppedKeys(record?.keys ?? [], text);
  const left = await differences(session);
  const unproven = record && record.config !== configHash(text) ? await unprovenKeys(session, text) : [];
  if (dropped.length + left.length + unproven.length === 0) {
    // Live settings made the running server equal to this text: a later apply need not look for dropped keys again.
    if (record && record.config !== configHash(text)) {
      const fresh: ServerRecord = { ...record, config: configHash(text), keys: configKeys(text) };
      writeAtomically(path.join(folder.run, "redis.json"), JSON.stringify(fresh));
    }
    return [];
  }
  const why = [...left.map(({ key }) => key), ...dropped.map((key) => `${key} dropped`), ...unproven].join(", ");
  const done = await restartServer(session, "redis", why, {
    preferred: await alreadyChanged(session, left),
  });
  await untilLoaded(session);
  const still = (await differences(session)).filter(({ key }) => key !== MIN_REPLICAS);
  if (still.length > 0) {
    throw new Error(
      `${spec.node.name}: after a restart redis-server still has ` +
        still.map(({ key, wanted, running }) => `${key} ${running} instead of ${wanted}`).join(", "),
    );
  }
  return done;
}

/** Keys that a server was started with and that its file has no more: only a restart sets one back to its default. Pure. */
export function droppedKeys(keys: readonly string[], text: string): string[] {
  const left = configKeys(text);
  return keys.filter((key) => !left.includes(key));
}

/** The data nodes that run with these values already: a master's role that goes there need not move on in the same roll. */
async function alreadyChanged({ links, spec }: Session, changes: readonly LiveChange[]): Promise<string[]> {
  const runs = await Promise.all(
    links.servers.map(async ({ node, connection }) => {
      const running = await connection.ask((redis) => redis.config("GET", "*")).then(pairs, () => undefined);
      const same = changes.every(({ key, wanted }) => sameConfigValue(key, wanted, running?.[key] ?? ""));
      return running !== undefined && same && node.name !== spec.node.name ? [node.name] : [];
    }),
  );
  return runs.flat();
}

/** Keys that only a start can prove, and that the configuration which was proven last does not have like this. */
async function unprovenKeys({ spec, folder }: Session, text: string): Promise<string[]> {
  const [wanted, proven] = [text, provenSpec(folder)?.files["redis.conf"] ?? ""].map(parseConfigFile) as [Keys, Keys];
  return (await unreportedKeys(spec, text)).filter((key) => wanted.get(key) !== proven.get(key));
}

type Keys = ReturnType<typeof parseConfigFile>;

/** What runs otherwise than the file says, without what is the agent's to set: a fence, the rule of two data nodes, and the priority of a server that is not in step yet. */
async function differences({ spec, folder, lock }: Session): Promise<LiveChange[]> {
  const agentsOwn = redisRecord(folder)?.fenced === true || lock === undefined;
  const catchingUp = redisRecord(folder)?.priority !== undefined;
  const changes = await liveChanges(spec, spec.files["redis.conf"] ?? "");
  return changes.filter(({ key }) => !(agentsOwn && key === MIN_REPLICAS) && !(catchingUp && key === PRIORITY));
}

async function untilLoaded(session: Session): Promise<void> {
  await waitFor(
    `${session.spec.node.name}: redis-server has loaded its data`,
    async () => ((await ownState(session))?.loading === false ? true : undefined),
    LOAD_TIMEOUT_MS,
  );
}

const ownState = ({ links, spec }: Session): Promise<ReturnType<typeof redisStateOf> | undefined> =>
  links.server(spec.node.name, async (redis) => redisStateOf(parseInfo(await redis.info()))).catch(() => undefined);
