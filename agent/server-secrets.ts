import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import path from "node:path";
import { promisify } from "node:util";
import { aclOnNode } from "../topology/acl-node.ts";
import type { NodeSecrets, TlsSet } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { readShare } from "./secrets.ts";
import type { ServerName } from "./server.ts";

/** What a server is started with beside its template file: made on the node out of the rendered users and its share of the secrets. */
interface ServerSecrets {
  /** Its users, with their hashes. */
  readonly acl: string;
  /** As whom it speaks to the other servers. */
  readonly spoken: Spoken;
  /** What it shows of itself over TLS, and whom it believes; absent where the environment does without. */
  readonly tls?: TlsSet | undefined;
}

export const secretFile = (folder: NodeFolder, name: string): string => path.join(path.dirname(folder.secrets), name);

export const aclFile = (folder: NodeFolder, server: ServerName): string => secretFile(folder, `${server}.acl`);

/** What a server reads for TLS: the key of its configuration, the file, and what of the share is in it. */
export const tlsFiles = [
  { key: "tls-ca-cert-file", name: "ca.crt", of: "authority" },
  { key: "tls-cert-file", name: "node.crt", of: "certificate" },
  { key: "tls-key-file", name: "node.key", of: "key" },
] as const;

/** Where a node has these files. */
export const tlsPaths = (folder: NodeFolder): TlsSet =>
  Object.fromEntries(tlsFiles.map(({ of, name }) => [of, secretFile(folder, name)])) as unknown as TlsSet;

/** The file that a server includes; of the service user alone, as all that is beside it. */
export const secretsConf = (folder: NodeFolder, server: ServerName): string => secretFile(folder, `${server}.conf`);

/**
 * Writes what a server reads of the secrets, before each of its starts: the version of the program may be another one by then.
 * @throws when the node's share is lost
 */
export async function writeServerSecrets(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<void> {
  const secrets = await serverSecrets(server, spec, folder);
  writeSecretFiles(server, spec, folder, secrets);
  noteRead(server, folder, secrets.tls);
}

/** Says which authorities and certificate a server has read: it tells nobody whom it believes. */
const readFile = (folder: NodeFolder, server: ServerName): string => secretFile(folder, `${server}.tls`);

const digest = ({ authority, certificate }: TlsSet): string =>
  createHash("sha256")
    .update(JSON.stringify([authority, certificate]))
    .digest("hex");

/** Notes that a server has read these, or, killed before it says so, will be told to once more. */
export function noteRead(server: ServerName, folder: NodeFolder, tls: TlsSet | undefined): void {
  const file = readFile(folder, server);
  if (tls && readIfThere(file) !== digest(tls)) writeAtomically(file, digest(tls));
}

/** Has the server read these? */
export const hasRead = (server: ServerName, folder: NodeFolder, tls: TlsSet): boolean =>
  readIfThere(readFile(folder, server)) === digest(tls);

/** The same with what is made already. */
export function writeSecretFiles(server: ServerName, spec: NodeSpec, folder: NodeFolder, secrets: ServerSecrets): void {
  const { acl, tls } = secrets;
  for (const [file, text] of [
    ...(tls ? tlsFiles.map(({ name, of }) => [secretFile(folder, name), tls[of]] as const) : []),
    [aclFile(folder, server), acl],
    [secretsConf(folder, server), confOf(server, spec, secrets, folder)],
  ] as const) {
    if (readIfThere(file) !== text) writeAtomically(file, text);
  }
}

export async function serverSecrets(server: ServerName, spec: NodeSpec, folder: NodeFolder): Promise<ServerSecrets> {
  const share = readShare(folder);
  if (!share) {
    throw new Error(
      `${spec.node.name}: ${folder.secrets} is lost, which says as whom its servers speak to the others; apply again`,
    );
  }
  const version = await programVersion(spec);
  const rendered = spec.files[server === "redis" ? "users.acl" : "sentinel-users.acl"];
  // With an empty file, whoever does not log in may do everything.
  if (rendered === undefined)
    throw new Error(`${spec.node.name}: what was applied has no users; synthesize, and apply again`);
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
export function confOf(
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
