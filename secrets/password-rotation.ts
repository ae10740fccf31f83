import { redisUsers, sentinelUsers } from "../topology/acl-node.ts";
import { newPassword, passwordOf } from "./passwords.ts";
import type { SecretStore } from "./store.ts";

/**
 * Passwords are replaced in three steps, each of which can be killed and done again, and after each of which the nodes are
 * told: the next ones are taken beside the present ones; everybody says the next ones, and the previous ones are still
 * taken; only the next ones are taken. What stands in the store says how far it is.
 */

const users = [...redisUsers, ...sentinelUsers];
const nextOf = (user: (typeof users)[number]): string => `${passwordOf(user)}.next`;
const previousOf = (user: (typeof users)[number]): string => `${passwordOf(user)}.previous`;

/** Further passwords of a user that are right besides the one that is said. */
export const otherPasswordsOf = (user: (typeof users)[number]): string[] => [nextOf(user), previousOf(user)];

/** `begun`: next ones are made. `waiting`: all are replaced, and the previous ones are right until `finishRotation`. */
export async function rotationStage(store: SecretStore): Promise<"none" | "begun" | "waiting"> {
  const names = await store.list();
  if (users.some((user) => names.includes(nextOf(user)))) return "begun";
  return users.some((user) => names.includes(previousOf(user))) ? "waiting" : "none";
}

/** Makes the next password of each user whose one was not replaced yet. */
export async function beginRotation(store: SecretStore): Promise<void> {
  for (const user of users) {
    if ((await store.read(previousOf(user))) === undefined)
      await store.write(nextOf(user), newPassword(), { ifAbsent: true });
  }
}

/** Makes the next passwords the present ones. All nodes must take them already. */
export async function replacePasswords(store: SecretStore): Promise<void> {
  for (const user of users) {
    const [present, next] = [await store.read(passwordOf(user)), await store.read(nextOf(user))];
    if (present === undefined || next === undefined) continue;
    if (present !== next) await store.write(previousOf(user), present, { ifAbsent: true });
    await store.write(passwordOf(user), next);
    await store.remove(nextOf(user));
  }
}

/** Forgets the previous passwords. Nobody may say them any more. */
export async function finishRotation(store: SecretStore): Promise<void> {
  for (const user of users) await store.remove(previousOf(user));
}
