import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import type { Redis } from "ioredis";
import { loadedUsersDiffer, loadUsers } from "../cluster/acl.ts";
import { redisEndpoint, sentinelEndpoint, watchesNothing } from "../cluster/answers.ts";
import { pairs, withConnection } from "../cluster/connection.ts";
import { aclOnNode } from "../topology/acl-node.ts";
import { parseAcl } from "../topology/acl-file.ts";
import type { NodeSecrets, TlsSet } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { PATIENT_MS } from "./live.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { readShare } from "./secrets.ts";
import type { ServerName } from "./server.ts";
import type { Session } from "./session.ts";

/** What a server is started with beside its template file: made on the node out of the rendered users and its share of the secrets. */
interface ServerSecrets {
  /** Its users, with their hashes. */
  readonly acl: string;
  /** As whom it speaks to the other servers. */
  readonly spoken: Spoken;
  /** What it shows of itself over TLS, and whom it believes; absent where the environment does without. */
  readonly tls?: TlsSet | undefined;
}

const secretFile = (folder: NodeFolder, name: string): string => path.join(path.dirname(folder.secrets), name);

const aclFile = (folder: NodeFolder, server: ServerName): string => secretFile(folder, `${server}.acl`);

/** The certificate of whoever signs the nodes' ones. */
export const authorityFile = (folder: NodeFolder): string => secretFile(folder, "ca.crt");

/** What a server reads for TLS: the key of its configuration, the file, and what of the share is in it. */
const tlsFiles = [
  { key: "tls-ca-cert-file", name: "ca.crt", of: "authority" },
  { key: "tls-cert-file", name: "node.crt", of: "certificate" },
  { key: "tls-key-file", name: "node.key", of: "key" },
] as const;

/** The file that a server includes; of the service user alone, as all that is beside it. */
export const secretsConf = (folder: NodeFolder, server: ServerName): string => secretFile(folder, `${server}.conf`);

/**
 * Writes what a server reads of the secrets, before each of its starts: the version of the program may be another one by then.
 * @throws when the node's share is lost
 */
export async function writeServerSecrets(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<void> {
  const secrets = await serverSecrets(server, spec, folder);
  const { acl, tls } = secrets;
  for (const [file, text] of [
    ...(tls ? tlsFiles.map(({ name, of }) => [secretFile(folder, name), tls[of]] as const) : []),
    [aclFile(folder, server), acl],
    [secretsConf(folder, server), confOf(server, spec, secrets, folder)],
  ] as const) {
    if (readIfThere(file) !== text) writeAtomically(file, text);
  }
}

async function serverSecrets(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<ServerSecrets> {
  const share = readShare(folder);
  if (!share) {
    throw new Error(
      `${spec.node.name}: ${folder.secrets} is lost, which says as whom its servers speak to the others; apply again`,
    );
  }
  const version = await programVersion(spec);
  const rendered = spec.files[server === "redis" ? "users.acl" : "sentinel-users.acl"] ?? "";
  return {
    acl: aclOnNode(rendered, { engine: spec.engine, version }, share.hashes),
    spoken: server === "redis" ? spokenByRedis(share) : spokenBySentinel(share),
    tls: share.tls,
  };
}

/** As keys of CONFIG SET. */
const spokenByRedis = ({ passwords }: NodeSecrets): Spoken => ({
  masteruser: "replica",
  masterauth: passwords.replica,
});

/** `auth-*` to the data nodes, by SENTINEL SET; the others to its peers, by SENTINEL CONFIG SET. */
const spokenBySentinel = ({ passwords }: NodeSecrets): Spoken => ({
  "auth-user": "sentinel",
  "auth-pass": passwords.sentinel,
  "sentinel-user": "sentinel-peer",
  "sentinel-pass": passwords["sentinel-peer"],
});

type Spoken = Readonly<Record<string, string>>;

/** Needs no quotes: see `passwordProblem`. */
function confOf(
  server: ServerName,
  { masterName }: NodeSpec,
  { spoken, tls }: ServerSecrets,
  folder: NodeFolder,
): string {
  const lines = Object.entries(spoken).map(([key, value]) => {
    if (server === "redis") return `${key} ${value}`;
    return key.startsWith("auth-") ? `sentinel ${key} ${masterName} ${value}` : `sentinel ${key} ${value}`;
  });
  const certificates = tls ? tlsFiles.map(({ key, name }) => `${key} "${secretFile(folder, name)}"`) : [];
  return `${[`aclfile "${aclFile(folder, server)}"`, ...certificates, ...lines].join("\n")}\n`;
}

/** Version of the program that is installed now, as it says it of itself: `8.0.2`. */
async function programVersion({ engine }: NodeSpec): Promise<string> {
  const { stdout } = await promisify(execFile)(`${engine}-server`, ["--version"]);
  const version = / v=(\S+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${engine}-server --version says nothing of a version: ${stdout.trim()}`);
  return version;
}

/**
 * Whether the users of a node's running server, and of the file with which it starts again, are as they should be.
 * @returns what is wrong, in words; nothing while the server does not answer, or the node has no share
 */
export async function usersDiffer(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<string[]> {
  const secrets = await serverSecrets(server, spec, folder).catch(() => undefined);
  if (!secrets) return [];
  const endpoint = server === "redis" ? redisEndpoint(spec.node) : sentinelEndpoint(spec.node);
  const wanted = parseAcl(secrets.acl);
  const loaded = await withConnection(endpoint, (redis) => loadedUsersDiffer(redis, wanted), PATIENT_MS).catch(
    () => [],
  );
  return [
    ...(readIfThere(aclFile(folder, server)) === secrets.acl ? [] : [`${aclFile(folder, server)} differs`]),
    ...loaded.map((user) => `user ${user}`),
  ];
}

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
  const { acl, spoken } = await serverSecrets("redis", spec, folder);
  const set = async (redis: Redis): Promise<string[]> => {
    const done = mended("redis", await loadUsers(redis, parseAcl(acl)));
    const running = pairs(await redis.call("CONFIG", "GET", ...Object.keys(spoken)));
    if (Object.entries(spoken).every(([key, value]) => running[key] === value)) return done;
    await redis.call("CONFIG", "SET", ...Object.entries(spoken).flat());
    return [...done, "redis: masterauth set"];
  };
  const done = await withConnection(redisEndpoint(spec.node), set, PATIENT_MS);
  await writeServerSecrets("redis", spec, folder);
  return done;
}

const mended = (server: ServerName, users: readonly string[]): string[] =>
  users.length > 0 ? [`${server}: users mended (${users.join("; ")})`] : [];

function noMaster(error: Error): undefined {
  if (!watchesNothing(error.message)) throw error;
}

async function setSentinelSecrets({ spec, folder }: Session): Promise<string[]> {
  const secrets = await serverSecrets("sentinel", spec, folder);
  const { acl, spoken } = secrets;
  // As whom it speaks it tells nobody. The file tells it, and is written last; but MONITOR begins anew, without any of that.
  const written = readIfThere(secretsConf(folder, "sentinel")) === confOf("sentinel", spec, secrets, folder);
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
  return done;
}
