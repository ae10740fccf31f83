import type { Redis } from "ioredis";
import { loadUsers } from "../cluster/acl.ts";
import { redisEndpoint, sentinelEndpoint, watchesNothing } from "../cluster/answers.ts";
import { pairs, withConnection } from "../cluster/connection.ts";
import { parseAcl } from "../topology/acl-file.ts";
import { askAgent } from "./control.ts";
import { PATIENT_MS } from "./live.ts";
import { readIfThere } from "./node-folder.ts";
import { waitFor } from "./processes.ts";
import { failOnError, restartServer } from "./restart.ts";
import { hasExpired, isStale, showsExpired } from "./secrets-in-use.ts";
import { type ServerName, serverNames } from "./server.ts";
import { confOf, noteRead, secretFile, serverSecrets, tlsFiles, writeSecretFiles } from "./server-secrets.ts";
import type { Session } from "./session.ts";

/** Sentinel opens a connection at the most once a second. */
const RECONNECT_MS = 3000;

/**
 * Gives the running servers of a node its users and passwords as they are now. No connection is closed but those of users that
 * are gone.
 * @returns what was changed, in words
 */
export async function setSecrets(session: Session): Promise<string[]> {
  const { spec } = session;
  return [
    ...(spec.node.redisPort === undefined ? [] : await setRedisSecrets(session)),
    ...(spec.node.sentinelPort === undefined ? [] : await setSentinelSecrets(session)),
  ];
}

async function setRedisSecrets({ spec, folder }: Session): Promise<string[]> {
  const secrets = await serverSecrets("redis", spec, folder);
  const { acl, spoken, tls } = secrets;
  const set = async (redis: Redis): Promise<string[]> => {
    const done = usersSet("redis", await loadUsers(redis, parseAcl(acl)));
    // Not before: what the server refuses must not wait there for its next start.
    writeSecretFiles("redis", spec, folder, secrets);
    const running = pairs(await redis.call("CONFIG", "GET", ...Object.keys(spoken)));
    if (!Object.entries(spoken).every(([key, value]) => running[key] === value)) {
      await redis.call("CONFIG", "SET", ...Object.entries(spoken).flat());
      done.push("redis: masterauth set");
    }
    if (tls && isStale(redis, "redis", folder, tls)) {
      // All at once: for a moment, the key would be that of another certificate. The names stay; it reads the files again.
      await redis.call("CONFIG", "SET", ...tlsFiles.flatMap(({ key, name }) => [key, secretFile(folder, name)]));
      noteRead("redis", folder, tls);
      done.push("redis: certificates read");
    }
    return done;
  };
  return withConnection(redisEndpoint(spec.node), set, PATIENT_MS);
}

const usersSet = (server: ServerName, users: readonly string[]): string[] =>
  users.length > 0 ? [`${server}: users set (${users.join("; ")})`] : [];

function noMaster(error: Error): undefined {
  if (!watchesNothing(error.message)) throw error;
}

async function setSentinelSecrets(session: Session): Promise<string[]> {
  const { spec, folder } = session;
  const secrets = await serverSecrets("sentinel", spec, folder);
  const { acl, spoken, tls } = secrets;
  // As whom it speaks it tells nobody, but writes it into its own file, whoever has told it.
  const own = (readIfThere(folder.sentinelState) ?? "").split("\n");
  const written = confOf("sentinel", spec, secrets, folder)
    .split("\n")
    .filter((line) => line.startsWith("sentinel "))
    .every((line) => own.includes(line));
  const set = async (sentinel: Redis): Promise<string[]> => {
    const done = usersSet("sentinel", await loadUsers(sentinel, parseAcl(acl)));
    const flags = await sentinel
      .call("SENTINEL", "MASTER", spec.masterName)
      .then((reply) => pairs(reply)["flags"], noMaster);
    // One that knows no master is restarted, and reads it then.
    if (flags === undefined || (written && flags === "master")) return done;
    // At once: with each, it closes all its connections, and opens them again no more than once a second.
    const all = Object.entries(spoken);
    const toServers = all.filter(([key]) => key.startsWith("auth-"));
    await sentinel.call("SENTINEL", "SET", spec.masterName, ...toServers.flat());
    for (const [key, value] of all)
      if (!key.startsWith("auth-")) await sentinel.call("SENTINEL", "CONFIG", "SET", key, value);
    await untilConnected(sentinel, spec.masterName);
    return [...done, "sentinel: passwords set"];
  };
  const { done, stale } = await withConnection(
    sentinelEndpoint(spec.node),
    async (sentinel) => ({
      done: await set(sentinel),
      stale: tls !== undefined && isStale(sentinel, "sentinel", folder, tls),
    }),
    PATIENT_MS,
  );
  writeSecretFiles("sentinel", spec, folder, secrets);
  // Sentinel has no CONFIG SET for a certificate.
  return stale ? [...done, ...(await restartServer(session, "sentinel", "certificates changed"))] : done;
}

/**
 * Waits until a Sentinel that was told of other passwords watches the master again: the next node is told no sooner, and whoever
 * asks for the status when all are told is not shown a moment of blindness. Whatever keeps it from that is named by who looks then.
 */
async function untilConnected(sentinel: Redis, masterName: string): Promise<void> {
  const connected = async (): Promise<boolean> => {
    const flags = pairs(await sentinel.call("SENTINEL", "MASTER", masterName))["flags"] ?? "";
    return !flags.includes("disconnected");
  };
  await waitFor("it watches the master", connected, RECONNECT_MS).catch(() => undefined);
}

/**
 * Restarts the servers of a node whose certificate has expired while they ran: whoever connects does not believe them, so that
 * nobody can tell them of the new one.
 * @returns what was done, in words
 * @throws when the node has no new one
 */
export async function restartExpired({ spec, folder }: Session): Promise<string[]> {
  const done: string[] = [];
  for (const server of serverNames(spec.node)) {
    if (spec.tls !== true || !(await showsExpired(server, spec))) continue;
    const expired = hasExpired(folder);
    if (expired !== undefined) {
      throw new Error(
        `${spec.node.name}: its certificate has expired on ${expired}, and it was not given another one: ` +
          `npx redis-ha converge --env ${spec.environment} (docs/security.md)`,
      );
    }
    failOnError(spec.node.name, await askAgent(folder.socket, { do: "restart", server }));
    done.push(`${server} restarted (its certificate had expired)`);
  }
  return done;
}
