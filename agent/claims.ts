import fs from "node:fs";
import path from "node:path";
import { type RedisAnswer, redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { siblingFolder } from "./handover/journal.ts";
import { type NodeFolder, readIfThere } from "./node-folder.ts";
import { persistedRole, type PersistedRole } from "./role.ts";

/** What a data node is by its own account or, while it is down, by the last account that it left. */
export interface RoleClaim {
  readonly node: TopologyNode;
  readonly role: PersistedRole;
  readonly answers: boolean;
}

/**
 * @param answers of the data nodes
 * @param folder of any node of the group; the folders of all lie side by side on the target `local`
 */
export function roleClaims(answers: readonly RedisAnswer[], folder: NodeFolder): RoleClaim[] {
  return answers.map(({ node, state }) => {
    if (state?.role === "master") return { node, role: { kind: "master" }, answers: true };
    if (state?.master) return { node, role: { kind: "replica", of: state.master }, answers: true };
    return { node, role: recordedRole(siblingFolder(folder, node.name)), answers: false };
  });
}

/** The role in which a node that is down would start again. Without data it has none to claim. */
export const recordedRole = (folder: NodeFolder): PersistedRole =>
  hasData(folder) ? persistedRole(readIfThere(folder.runtimeConf)) : { kind: "none" };

/** Has redis-server ever written its files here? */
export function hasData(folder: NodeFolder): boolean {
  return ["appendonlydir", "dump.rdb"].some((name) => fs.existsSync(path.join(folder.redisData, name)));
}

/**
 * The only node that claims to be master or, of several, the only one that another node follows; where none claims to
 * be, the one that all replicas follow, which is then for the Sentinels to replace.
 */
export function claimedMaster(claims: readonly RoleClaim[]): TopologyNode | undefined {
  const masters = claims.filter(({ role }) => role.kind === "master");
  const followed = masters.filter(({ node }) => claims.some((claim) => follows(claim, node)));
  if (masters.length > 0) return [masters, followed].find(({ length }) => length === 1)?.[0]?.node;
  const replicas = claims.filter(({ role }) => role.kind === "replica");
  if (replicas.length === 0) return undefined;
  return claims.find(({ node, role }) => role.kind === "none" && replicas.every((each) => follows(each, node)))?.node;
}

export const follows = ({ role }: RoleClaim, node: TopologyNode): boolean =>
  role.kind === "replica" && sameEndpoint(role.of, redisEndpoint(node));
