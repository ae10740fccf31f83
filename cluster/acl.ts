import type { Redis } from "ioredis";
import { type CommandTable, commandTable, unknownRules } from "../topology/acl-commands.ts";
import { type AclDifference, aclDifferences, type AclUser, parseAcl, setUserRules } from "../topology/acl-file.ts";

/** The users of a running redis-server or redis-sentinel: whether they are as they should be, and how they become so. */

/**
 * Users that are loaded otherwise than wanted, in words and without any hash: `app has other passwords`.
 * @param redis may call ACL LIST and COMMAND
 */
export async function loadedUsersDiffer(redis: Redis, wanted: readonly AclUser[]): Promise<string[]> {
  return (await differencesOf(redis, wanted, await tableOf(redis))).map(inWords);
}

/**
 * Brings the users of a running server to what is wanted, one by one. ACL LOAD would end the connections of every user that
 * changed; so this keeps them, with the new rights, except those of users that are removed and subscribers that lose a
 * channel. The file is not written.
 *
 * `default` comes last, and is left alone when this connection is its own: who has no password yet must not lock itself out.
 * @param redis may do everything
 * @returns what was changed, in words
 * @throws before anything is changed when the server does not know a rule, or the user of this connection or `default` is not wanted
 */
export async function loadUsers(redis: Redis, wanted: readonly AclUser[]): Promise<string[]> {
  const [me, table] = await Promise.all([redis.call("ACL", "WHOAMI"), tableOf(redis)]);
  for (const name of ["default", String(me)]) {
    if (!wanted.some((user) => user.name === name)) {
      throw new Error(
        `user ${name} is missing in the wanted users; connect as one of these, and say what default may do`,
      );
    }
  }
  for (const { name, commands } of wanted) {
    const [unknown] = unknownRules(commands, table);
    if (unknown !== undefined)
      throw new Error(`user ${name}: the server does not know ${unknown}; nothing was changed`);
  }
  const differences = (await differencesOf(redis, wanted, table)).filter(
    (it) => it.user !== "default" || me !== "default",
  );
  differences.sort((a, b) => Number(a.user === "default") - Number(b.user === "default"));
  for (const { user } of differences) {
    const should = wanted.find(({ name }) => name === user);
    await (
      should ? redis.call("ACL", "SETUSER", user, ...setUserRules(should)) : redis.call("ACL", "DELUSER", user)
    ).catch((error: Error) => {
      throw withoutArguments(error, user);
    });
  }
  return differences.map(inWords);
}

const inWords = ({ user, how }: AclDifference): string => `${user} ${how}`;

const tableOf = async (redis: Redis): Promise<CommandTable> => commandTable(await redis.call("COMMAND"));

async function differencesOf(redis: Redis, wanted: readonly AclUser[], table: CommandTable): Promise<AclDifference[]> {
  const list = (await redis.call("ACL", "LIST")) as string[];
  return aclDifferences(wanted, parseAcl(list.join("\n")), table);
}

/** The error of a reply carries the command with all of its arguments, and the server may repeat one. */
function withoutArguments(error: Error, user: string): Error {
  if (error.name !== "ReplyError") return error;
  return new Error(`user ${user}: ${error.message.replace(/#?[0-9a-f]{64}/gi, "<hash>")}`);
}
