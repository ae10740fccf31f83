import { setTimeout as delay } from "node:timers/promises";
import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import { type NodeSecrets, ownUsers, type TlsSet } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { namesOf, tlsProblems } from "./certificates.ts";
import { authorityFile, authorityKey, trustedAuthorities } from "./authorities.ts";
import { readRevision } from "./init.ts";
import { certificateOf, type Holder, keyOf, ofNode } from "./issued.ts";
import { passwordHash, passwordOf, type User } from "./passwords.ts";
import { otherPasswordsOf } from "./password-rotation.ts";
import type { SecretStore } from "./store.ts";

/** How often a store which is being changed is read again. */
const ATTEMPTS = 3;
const PAUSE_MS = 200;

/**
 * What a node gets from the store. A certificate that is right is always among it: the node knows whether it was applied with TLS.
 * @param tls whether it needs one
 * @throws when something is missing, its certificate is of no use to it, or the store does not stand still; no value is in the
 * message
 */
export async function nodeSecrets(
  store: SecretStore,
  environment: string,
  node: Pick<TopologyNode, "name" | "address">,
  tls: boolean,
): Promise<NodeSecrets> {
  for (let left = ATTEMPTS; left > 0; left--) {
    const revision = await readRevision(store);
    const secrets = await readSecrets(store, environment, node, tls).catch((error: Error) => error);
    const stands = (await readRevision(store)) === revision;
    if (stands && !(secrets instanceof Error)) return { revision, ...secrets };
    // A key whose certificate is just being made is no fault.
    if (stands && left === 1) throw secrets as Error;
    await delay(PAUSE_MS);
  }
  throw new Error(`${node.name}: ${store.describe()} is being changed by another command; run this one again after it`);
}

async function readSecrets(
  store: SecretStore,
  environment: string,
  node: Pick<TopologyNode, "name" | "address">,
  needsTls: boolean,
): Promise<Omit<NodeSecrets, "revision">> {
  const missing: string[] = [];
  const read = async (name: string): Promise<string> => {
    const value = await store.read(name);
    if (value === undefined) missing.push(name);
    return value ?? "";
  };
  const all = await Promise.all(
    [...redisUsers, ...sentinelUsers].map(async (user) => [user, await read(passwordOf(user))] as const),
  );
  const byUser = Object.fromEntries(all) as Record<User, string>;
  const hashed = all.map(async ([user, password]): Promise<[User, string[]]> => {
    const others = await Promise.all(otherPasswordsOf(user).map((name) => store.read(name)));
    const right = new Set([password, ...others.filter((other) => other !== undefined)]);
    return [user, [...right].map(passwordHash)];
  });
  const hashes = Object.fromEntries(await Promise.all(hashed)) as Record<User, string[]>;
  const passwords = Object.fromEntries(ownUsers.map((user) => [user, byUser[user]])) as NodeSecrets["passwords"];
  const tls = await storedTls(store, ofNode(node));
  if (needsTls && tls.authority === "") missing.push(authorityFile);
  if (needsTls && tls.certificate === "") missing.push(certificateOf(node.name));
  if (needsTls && tls.key === "") missing.push(keyOf(node.name));
  if (missing.length > 0) {
    throw new Error(
      `${node.name}: ${store.describe()} has no ${missing.join(", ")}. ` +
        `Make what is missing and apply again: npx redis-ha secrets init --env ${environment}`,
    );
  }
  const problems = tlsProblems(tls, namesOf(node));
  if (problems.length > 0 && needsTls) {
    throw new Error(
      `${node.name}: ${certificateOf(node.name)} in ${store.describe()}: ${problems.join("; ")}. The node was not touched. ` +
        `Import another one, or, where ${authorityKey} is, remove this one to have one made. Then: npx redis-ha converge --env ${environment}`,
    );
  }
  return { hashes, passwords, ...(problems.length === 0 ? { tls } : {}) };
}

/** What a store has for the TLS of a node, or of clients, right or not; empty texts for what it has not. */
export async function storedTls(
  store: SecretStore,
  { name, keyName }: Pick<Holder, "name" | "keyName">,
): Promise<TlsSet> {
  return {
    authority: (await trustedAuthorities(store)) ?? "",
    certificate: (await store.read(name)) ?? "",
    key: (await store.read(keyName)) ?? "",
  };
}
