import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { tlsAccess, useAccess, useMasterAccess } from "../cluster/access.ts";
import { redisEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { hasSentinel, isData, type TopologyNode } from "../topology/topology.ts";
import { type NodeFolder, nodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";

/**
 * Writes a node's share of the secrets where its service user, and root, can read it. What is there already stays untouched.
 * @returns what was changed, in words
 */
export function stageSecrets(folder: NodeFolder, secrets: NodeSecrets): string[] {
  fs.mkdirSync(path.dirname(folder.secrets), { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(secrets, undefined, 2)}\n`;
  const there = readShare(folder);
  if (isDeepStrictEqual(there, secrets)) return [];
  writeAtomically(folder.secrets, text);
  // Another node's certificate is nothing that changes this one.
  if (isDeepStrictEqual(there && { ...there, revision: 0 }, { ...secrets, revision: 0 })) return [];
  return [`secrets ${there === undefined ? "written" : "changed"}`];
}

/** The node's share; undefined when it has none. */
export function readShare(folder: NodeFolder): NodeSecrets | undefined {
  const text = readIfThere(folder.secrets);
  return text === undefined ? undefined : (JSON.parse(text) as NodeSecrets);
}

/**
 * From now on this process speaks to the servers of these nodes as a node's agent does. Without a share: as nobody.
 * To be called where a process starts, and again when it may have got other secrets.
 */
export function speakAsAgent(nodes: readonly TopologyNode[], folder: NodeFolder): void {
  const share = readShare(folder);
  if (share) speakWith(nodes, share);
}

/**
 * The same for whoever looks at an environment as a whole: with the share of any of its nodes that lie here.
 * @param state where the folders of the environments lie
 */
export function speakAsAny(state: string, environment: string, nodes: readonly TopologyNode[]): void {
  const folders = nodes.map(({ name }) => nodeFolder(state, environment, name));
  // That of a node that was retired may be an old one.
  const order = [...folders].sort((a, b) => Number(fs.existsSync(b.spec)) - Number(fs.existsSync(a.spec)));
  const shares = order.map(readShare);
  const any = shares.find((share) => share !== undefined);
  if (any) speakWith(nodes, any);
}

/** What it takes to speak as an agent does: a node's share, or what the operator's store says of these users. */
export interface Speaker {
  readonly passwords: NodeSecrets["passwords"];
  /** Absent where the environment does without; without a key, nothing of oneself is shown. */
  readonly tls?: { readonly authority: string; readonly certificate?: string; readonly key?: string };
}

/** The same with a share that is at hand. */
export function speakWith(nodes: readonly TopologyNode[], { passwords, tls }: Speaker): void {
  const over = tls ? { tls: tlsAccess({ ca: tls.authority, ...ownOf(tls) }) } : {};
  useAccess(nodes.filter(isData).map(redisEndpoint), { username: "admin", password: passwords.admin, ...over });
  const peer = { username: "sentinel-peer", password: passwords["sentinel-peer"], ...over };
  useAccess(nodes.filter(hasSentinel).map(sentinelEndpoint), peer);
  useMasterAccess({ username: "sentinel", password: passwords.sentinel });
}

/** What we show of ourselves. Servers need nothing, and refuse what has expired. */
function ownOf({ certificate, key }: NonNullable<Speaker["tls"]>): { cert?: string; key?: string } {
  if (!certificate || !key || Date.parse(new X509Certificate(certificate).validTo) < Date.now()) return {};
  return { cert: certificate, key };
}
