import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import { type NodeSecrets, ownUsers } from "../topology/node-secrets.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { namesOf, tlsProblems } from "./certificates.ts";
import { authorityFile, certificateOf, keyOf } from "./init.ts";
import { passwordHash, passwordOf, type User } from "./passwords.ts";
import { otherPasswordsOf } from "./rotation.ts";
import type { SecretStore } from "./store.ts";

/**
 * What a node gets from the store.
 * @param tls whether it needs a certificate
 * @throws when something is missing, or its certificate is of no use to it; no value is in the message
 */
export async function nodeSecrets(
  store: SecretStore,
  environment: string,
  node: Pick<TopologyNode, "name" | "address">,
  tls: boolean,
): Promise<NodeSecrets> {
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
  const set = tls && {
    authority: await read(authorityFile),
    certificate: await read(certificateOf(node.name)),
    key: await read(keyOf(node.name)),
  };
  if (missing.length > 0) {
    throw new Error(
      `${node.name}: ${store.describe()} has no ${missing.join(", ")}. ` +
        `Make what is missing and apply again: npx redis-ha secrets init --env ${environment}`,
    );
  }
  const problems = set ? tlsProblems(set, namesOf(node)) : [];
  if (problems.length > 0) {
    throw new Error(
      `${node.name}: ${certificateOf(node.name)} in ${store.describe()}: ${problems.join("; ")}. The node was not touched. To have ` +
        `one made, remove that one, and npx redis-ha converge --env ${environment}`,
    );
  }
  return { hashes, passwords, ...(set ? { tls: set } : {}) };
}
