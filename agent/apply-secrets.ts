import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Redis } from "ioredis";
import { loadedUsersDiffer, loadUsers } from "../cluster/acl.ts";
import { redisEndpoint, sentinelEndpoint, watchesNothing } from "../cluster/answers.ts";
import { type Endpoint, pairs, withConnection } from "../cluster/connection.ts";
import { parseAcl } from "../topology/acl-file.ts";
import type { TlsSet } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { PATIENT_MS } from "./live.ts";
import { type NodeFolder, readIfThere } from "./node-folder.ts";
import { restartServer } from "./restart.ts";
import { readShare } from "./secrets.ts";
import type { ServerName } from "./server.ts";
import { aclFile, confOf, secretFile, serverSecrets, tlsFiles, writeServerSecrets } from "./server-secrets.ts";
import type { Session } from "./session.ts";

/**
 * Whether the users of a node's running server, and of the file with which it starts again, are as they should be.
 * @returns what is wrong, in words; nothing while the server does not answer, or the node has no share
 */
export async function usersDiffer(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const secrets = await serverSecrets(server, spec, folder).catch(() => undefined);
  if (!secrets) return [];
  const wanted = parseAcl(secrets.acl);
  const loaded = await withConnection(
    endpointOf(server, spec),
    (redis) => loadedUsersDiffer(redis, wanted),
    PATIENT_MS,
  ).catch(() => []);
  return [
    ...(readIfThere(aclFile(folder, server)) === secrets.acl ? [] : [`${aclFile(folder, server)} differs`]),
    ...loaded.map((user) => `user ${user}`),
  ];
}

/** A certificate with fewer days left is a fault. */
const LEAST_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * Whether a node's running server shows the certificate that the node was given, and for how long that is valid.
 * @returns what is wrong, in words; nothing where there is no TLS. One that does not answer is somebody else's to name
 */
export async function certificateProblems(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const tls = readShare(folder)?.tls;
  if (!tls) return [];
  const { validTo } = new X509Certificate(tls.certificate);
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  const other = await withConnection(endpointOf(server, spec), (redis) =>
    Promise.resolve(showsAnother(redis, tls)),
  ).catch(() => false);
  return [
    ...(days < LEAST_DAYS ? [`its certificate expires on ${validTo}`] : []),
    ...(other ? [`${server} shows another certificate than the node was given`] : []),
  ];
}

/** Is it another certificate that the server on the other side has shown? */
function showsAnother(redis: Redis, { certificate }: TlsSet): boolean {
  const shown = (redis.stream as TLSSocket).getPeerX509Certificate();
  return shown?.fingerprint256 !== new X509Certificate(certificate).fingerprint256;
}

const endpointOf = (server: ServerName, { node }: NodeSpec): Endpoint =>
  server === "redis" ? redisEndpoint(node) : sentinelEndpoint(node);

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
  const { acl, spoken, tls } = await serverSecrets("redis", spec, folder);
  const set = async (redis: Redis): Promise<string[]> => {
    const done = mended("redis", await loadUsers(redis, parseAcl(acl)));
    // Not before: what the server refuses must not wait there for its next start.
    await writeServerSecrets("redis", spec, folder);
    const running = pairs(await redis.call("CONFIG", "GET", ...Object.keys(spoken)));
    if (!Object.entries(spoken).every(([key, value]) => running[key] === value)) {
      await redis.call("CONFIG", "SET", ...Object.entries(spoken).flat());
      done.push("redis: masterauth set");
    }
    if (tls && showsAnother(redis, tls)) {
      // All at once: for a moment, the key would be that of another certificate. The names stay; it reads the files again.
      await redis.call("CONFIG", "SET", ...tlsFiles.flatMap(({ key, name }) => [key, secretFile(folder, name)]));
      done.push("redis: certificate changed");
    }
    return done;
  };
  return withConnection(redisEndpoint(spec.node), set, PATIENT_MS);
}

const mended = (server: ServerName, users: readonly string[]): string[] =>
  users.length > 0 ? [`${server}: users mended (${users.join("; ")})`] : [];

function noMaster(error: Error): undefined {
  if (!watchesNothing(error.message)) throw error;
}

async function setSentinelSecrets(session: Session): Promise<string[]> {
  const { spec, folder } = session;
  const secrets = await serverSecrets("sentinel", spec, folder);
  const { acl, spoken } = secrets;
  // As whom it speaks it tells nobody, but writes it into its own file, whoever has told it.
  const own = (readIfThere(folder.sentinelState) ?? "").split("\n");
  const written = confOf("sentinel", spec, secrets, folder)
    .split("\n")
    .filter((line) => line.startsWith("sentinel "))
    .every((line) => own.includes(line));
  const set = async (sentinel: Redis): Promise<string[]> => {
    const done = mended("sentinel", await loadUsers(sentinel, parseAcl(acl)));
    const flags = await sentinel
      .call("SENTINEL", "MASTER", spec.masterName)
      .then((reply) => pairs(reply)["flags"], noMaster);
    // One that knows no master is restarted, and reads it then.
    if (flags === undefined || (written && flags === "master")) return done;
    for (const [key, value] of Object.entries(spoken)) {
      if (key.startsWith("auth-")) await sentinel.call("SENTINEL", "SET", spec.masterName, key, value);
      else await sentinel.call("SENTINEL", "CONFIG", "SET", key, value);
    }
    return [...done, "sentinel: passwords set"];
  };
  const done = await withConnection(sentinelEndpoint(spec.node), set, PATIENT_MS);
  await writeServerSecrets("sentinel", spec, folder);
  const { tls } = secrets;
  const stale = (sentinel: Redis): Promise<boolean> =>
    Promise.resolve(tls !== undefined && showsAnother(sentinel, tls));
  // Sentinel has no CONFIG SET for it.
  if (!(await withConnection(sentinelEndpoint(spec.node), stale, PATIENT_MS))) return done;
  return [...done, ...(await restartServer(session, "sentinel", "certificate changed"))];
}
