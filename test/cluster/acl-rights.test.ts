import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadedUsersDiffer } from "../../cluster/acl.ts";
import { allowedCommands, type CommandTable, commandTable } from "../../topology/acl-commands.ts";
import { parseAcl } from "../../topology/acl-file.ts";
import { type RedisUser, redisUsers } from "../../topology/acl-node.ts";
import { aclFiles, connectAs, hashes, launchWithUsers, login, may, passwordOf, say } from "../support/acl.ts";
import { access, library, rights, scriptsOf } from "../support/acl-rights.ts";
import { describeEachServer } from "../support/each-server.ts";
import { type RunningServer, withFolder } from "../support/redis-process.ts";

const port = 18_710;
/** Rights cannot take these away: whoever connects needs them to say who they are. */
const beforeLogin = ["auth", "hello", "quit", "reset"];

describeEachServer((programs, { engine, version }) => {
  describe.sequential("the users of redis-server", () => {
    let server: RunningServer;
    let table: CommandTable;
    let end = (): void => undefined;
    let ended: Promise<void>;
    const acl = programs.server === "" ? "" : aclFiles({ engine, version }, access).redis;

    beforeAll(async () => {
      await new Promise<void>((resolve, reject) => {
        ended = withFolder(async (folder) => {
          // With whatever else would refuse a command out of the way: the rights alone must.
          const conf = "acl-pubsub-default allchannels\nenable-debug-command yes\nenable-module-command yes\n";
          server = await launchWithUsers({ folder, port, programs, acl, conf });
          await new Promise<void>((done) => {
            end = done;
            resolve();
          });
        });
        ended.catch(reject);
      });
      table = commandTable(await server.client.call("COMMAND"));
      await server.client.call("FUNCTION", "LOAD", library);
      await server.client.xadd("other:s", "*", "a", "b");
    });
    afterAll(async () => {
      end();
      await ended;
    });

    it("are loaded as the file has them", async () => {
      expect(await loadedUsersDiffer(server.client, parseAcl(acl))).toEqual([]);
    });

    it("are refused without a password, with a wrong one, with another user's, and when there is no such user", async () => {
      for (const command of ["PING", "GET app:1", "INFO", "HELLO 3", "ACL WHOAMI"]) {
        expect(await say(port, command)).toMatch(/^-NOAUTH/);
      }
      for (const [user, password] of [
        ["app", "wrong"],
        ["app", passwordOf("admin")],
        ["app", hashes["app"]?.[0]],
        ["default", ""],
        ["root", passwordOf("admin")],
      ]) {
        expect(await say(port, `AUTH ${user} "${password}"`)).toMatch(/^-WRONGPASS/);
      }
      expect(await say(port, `AUTH "${passwordOf("admin")}"`)).toMatch(/^-/);
      expect(await say(port, `AUTH app "${passwordOf("app")}"`)).toMatch(/^\+OK/);
    });

    /** The commands to which a user gets another answer than this. */
    async function otherwise(
      user: RedisUser,
      commands: readonly (readonly string[])[],
      wanted: string,
    ): Promise<string[]> {
      const redis = await connectAs(port, login(user));
      const found: string[] = [];
      for (const command of commands) {
        const answer = await may(redis, command);
        if (answer !== wanted) found.push(`${command.join(" ")}: ${answer}`);
      }
      redis.disconnect();
      return found;
    }

    it.each(redisUsers)("%s may do what it needs", async (user) => {
      await server.client.rpush("app:l", 1, 2, 3, 4, 5, 6, 7, 8, 9);
      await server.client.set("other", "x");
      expect(await otherwise(user, rights[user].yes, "yes")).toEqual([]);
    });

    it.each(redisUsers)("%s may not do more", async (user) => {
      expect(await otherwise(user, rights[user].no, "no")).toEqual([]);
    });

    it.each(["app", "reader"] as const)("%s may do by scripts and functions no more than without", async (user) => {
      const redis = await connectAs(port, login(user));
      const { by, no } = scriptsOf[user];
      for (const way of by) {
        expect(await may(redis, [...way, "GET", "app:1"])).toBe("yes");
        for (const command of no) {
          const answer = await may(redis, [...way, ...command]);
          // Some commands, no script may call.
          if (answer !== "no")
            expect(`${way[0]} ${command.join(" ")}: ${answer}`).toMatch(/not allowed from|read-only/);
        }
      }
      redis.disconnect();
      expect(await server.client.get("other")).toBe("x");
    });

    /** By the server's own word, for every command that it has. */
    const commandsOf = async (user: string): Promise<string[]> => {
      const reply = (await server.client.call("COMMAND")) as unknown[][];
      const entries = reply.flatMap((entry) =>
        (entry[9] as unknown[][]).length > 0 ? (entry[9] as unknown[][]) : [entry],
      );
      const allowed: string[] = [];
      for (const [name, arity] of entries as [string, number][]) {
        const parts = name.split("|");
        const fill = Array<string>(Math.max(0, Math.abs(arity) - parts.length)).fill("1");
        const answer = await server.client
          .call("ACL", "DRYRUN", user, ...parts, ...fill)
          .catch((error: Error) => error.message);
        if (!/permissions to run the/.test(String(answer))) allowed.push(name.toLowerCase());
      }
      return allowed.filter((command) => !beforeLogin.includes(command)).sort();
    };

    it.each(redisUsers)("%s: what its rules are taken for is what the server makes of them", async (user) => {
      const commands = parseAcl(acl).find(({ name }) => name === user)?.commands ?? [];
      const taken = [...allowedCommands(commands, table)].filter((command) => !beforeLogin.includes(command));
      expect(taken.sort()).toEqual(await commandsOf(user));
    });

    it("of every dangerous command, only these are anybody's but admin's", async () => {
      const dangerous = async (user: string): Promise<string> =>
        (await commandsOf(user)).filter((command) => table.get(command)?.has("@dangerous")).join(" ");
      const commandlog = engine === "valkey" ? "commandlog|get commandlog|len " : "";
      expect(await dangerous("app")).toBe("info role sort sort_ro");
      expect(await dangerous("reader")).toBe("info role sort_ro");
      expect(await dangerous("replica")).toBe("psync replconf");
      expect(await dangerous("sentinel")).toBe("client|kill config|rewrite info replicaof slaveof");
      expect(await dangerous("monitor")).toBe(
        `client|list ${commandlog}info lastsave latency|doctor latency|graph latency|histogram latency|history latency|latest role slowlog|get slowlog|len`,
      );
    });

    it("the reader has no command that only writes", async () => {
      expect((await commandsOf("reader")).filter((command) => table.get(command)?.has("@write"))).toEqual([]);
    });
  });
});
