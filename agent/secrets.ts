import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { tlsAccess, useAccess, useMasterAccess } from "../cluster/access.ts";
import { redisEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import { Unreachable, withConnection } from "../cluster/connection.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import { onHost } from "../topology/host-places.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { hasSentinel, isData, type TopologyNode } from "../topology/topology.ts";
import { type NodeFolder, nodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";

/**
 * Writes a node's share of the secrets where its service user, and root, can read it. What is there already stays untouched.
 * @returns what was changed, in words
 */
export function stageSecrets(folder: NodeFolder, secrets: NodeSecrets): string[] {
  fs.mkdirSync(path.dirname(folder.secrets), { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(secrets, undefined, 2)}\n`;
  const there = readIfThere(folder.secrets);
  if (there === text) return [];
  writeAtomically(folder.secrets, text);
  return [`secrets ${there === undefined ? "written" : "changed"}`];
}

const LOOK_AGAIN = { times: 3, pauseMs: 500 };

/**
 * Makes sure that nobody who runs would be shut out, or shut us out, if the node got this share: a node's passwords change only when
 * everybody takes the new ones.
 * @throws naming a server that does not take them; nothing was changed
 */
export async function refuseOtherSecrets(spec: NodeSpec, folder: NodeFolder, share: NodeSecrets): Promise<void> {
  const former = readShare(folder);
  if (isDeepStrictEqual([former?.passwords, former?.tls?.authority], [share.passwords, share.tls?.authority])) return;
  const nodes = allNodes(spec);
  const servers = [
    ...nodes.filter(isData).map((node) => ({ server: `redis-server of ${node.name}`, at: redisEndpoint(node) })),
    ...nodes
      .filter(hasSentinel)
      .map((node) => ({ server: `the Sentinel of ${node.name}`, at: sentinelEndpoint(node) })),
  ];
  const refused = async (): Promise<(Error | undefined)[]> =>
    Promise.all(
      servers.map(({ at }) =>
        withConnection(at, (redis) => redis.ping()).then(
          () => undefined,
          (error: Error) => error,
        ),
      ),
    );
  const look = async (): Promise<(typeof servers)[number] | undefined> => {
    if (former) speakWith(nodes, former);
    const before = former ? await refused() : [];
    speakWith(nodes, share);
    const after = await refused();
    return servers.find((_, index) => {
      const error = after[index];
      const knewUs = index in before && before[index] === undefined;
      return error && (knewUs || (error instanceof Unreachable && error.notLetIn));
    });
  };
  let shutOut = await look();
  // One that was just being restarted is no proof.
  for (let again = 0; shutOut && again < LOOK_AGAIN.times; again++) {
    await delay(LOOK_AGAIN.pauseMs);
    shutOut = await look();
  }
  if (!shutOut) return;
  const { server, at } = shutOut;
  throw new Error(
    `${spec.node.name}: ${server} (${at.address}:${at.port}) runs, and would not know it with what the environment's store has. ` +
      `Nothing was changed. If another computer made its secrets, bring them here (docs/security.md). If they are lost, TLS was ` +
      `switched on or off, or an earlier version of this project without users has started it: stop all nodes ` +
      `(${stopCommand(spec)}) and apply again; the data stays`,
  );
}

const stopCommand = (spec: NodeSpec): string =>
  onHost(spec) ? `npx cdktf destroy '${spec.environment}-*'` : `npm stop ${spec.environment}`;

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
