import type { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { passwordHash } from "../../secrets/passwords.ts";
import { waitFor } from "../../agent/processes.ts";
import { loadedUsersDiffer, loadUsers } from "../../cluster/acl.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { type AclUser, parseAcl } from "../../topology/acl-file.ts";
import { aclFiles, connectAs, hashes, launchWithUsers, login, may } from "../support/acl.ts";
import { describeEachServer } from "../support/each-server.ts";
import { launchRedis, type RunningServer, withFolder } from "../support/redis-process.ts";

const port = 18_750;

describeEachServer((programs, { engine, version }) => {
  describe("the users of a running server", () => {
    const wantedWith = (access?: EnvironmentInput["access"], passwords = hashes): AclUser[] =>
      parseAcl(aclFiles({ engine, version }, access, passwords).redis);
    const open: Redis[] = [];
    const as = async (user?: string): Promise<Redis> => {
      const redis = await connectAs(port, user === undefined ? {} : login(user));
      open.push(redis);
      return redis;
    };
    const withServer = (use: (server: RunningServer) => Promise<void>): Promise<void> =>
      withFolder(async (folder) => {
        const acl = aclFiles({ engine, version }).redis;
        await use(await launchWithUsers({ folder, port, programs, acl }));
      });
    afterEach(() => {
      for (const redis of open.splice(0)) redis.disconnect();
    });

    it("are equal to their file, again after loading it, and after ACL LOAD", async () => {
      await withServer(async ({ client }) => {
        expect(await loadedUsersDiffer(client, wantedWith())).toEqual([]);
        expect(await loadUsers(client, wantedWith())).toEqual([]);
        // Redis 7.0 closes every connection then, even this one.
        await client.call("ACL", "LOAD").catch(() => undefined);
        expect(await loadedUsersDiffer(await as("admin"), wantedWith())).toEqual([]);
      });
    });

    it("are brought to other rights, without a user that is gone and with one that is new", async () => {
      await withServer(async ({ client }) => {
        await client.call("ACL", "SETUSER", "stranger", "on", "nopass", "+@all", "~*");
        await client.call("ACL", "SETUSER", "monitor", "+config|get", "(~* +get)");
        await client.call("ACL", "DELUSER", "reader");
        await client.call("ACL", "SETUSER", "default", "on", "nopass", "+get");
        const wanted = wantedWith({ app: { keys: ["app:*"], channels: [] } });
        const differ = [
          "reader is missing",
          "app has other keys, channels",
          "monitor has other commands, rules",
          "stranger should not be there",
          "default is on, needs no password, has other commands",
        ];
        expect((await loadedUsersDiffer(client, wanted)).sort()).toEqual([...differ].sort());
        expect(await loadUsers(client, wanted)).toEqual(differ);
        expect(await loadedUsersDiffer(client, wanted)).toEqual([]);
        expect(await may(await as("app"), ["GET", "other"])).toBe("no");
        expect(await may(await as("reader"), ["GET", "other"])).toBe("yes");
      });
    });

    it("change under connections that stay: one that waits, one that listens, one of the changed user itself", async () => {
      await withServer(async ({ client }) => {
        const [waiting, listening, working, stranger] = [
          await as("app"),
          await as("reader"),
          await as("app"),
          await as("app"),
        ];
        await client.call("ACL", "SETUSER", "stranger", "on", `#${passwordHash("x")}`, "+@all");
        await stranger.call("AUTH", "stranger", "x");
        const closed = { waiting: 0, listening: 0, working: 0, stranger: 0 };
        for (const [name, redis] of Object.entries({ waiting, listening, working, stranger })) {
          redis.on("close", () => closed[name as keyof typeof closed]++);
        }
        const popped = waiting.call("BLPOP", "list", 0);
        await listening.subscribe("today");
        const heard = new Promise((resolve) => listening.once("message", (_, message) => resolve(message)));

        const passwords = { ...hashes, app: [passwordHash("new")], replica: [passwordHash("a"), passwordHash("b")] };
        const wanted = wantedWith({ app: { keys: ["list", "app:*"] } }, passwords);
        expect(await loadUsers(client, wanted)).toEqual([
          "app has other passwords, keys",
          "replica has other passwords",
          "stranger should not be there",
        ]);
        await waitFor("the removed user is gone", () => closed.stranger === 1 || undefined, 5000);

        expect(await may(working, ["SET", "app:1", "x"])).toBe("yes");
        expect(await may(working, ["SET", "other", "x"])).toBe("no");
        await client.rpush("list", "x");
        expect(await popped).toEqual(["list", "x"]);
        await client.publish("today", "news");
        expect(await heard).toBe("news");
        expect(closed).toEqual({ waiting: 0, listening: 0, working: 0, stranger: 1 });
        await expect(as("app")).rejects.toThrow();
        const renewed = await connectAs(port, { username: "app", password: "new" });
        open.push(renewed);
        expect(await may(renewed, ["PING"])).toBe("yes");
      });
    });

    it("never leave the user in use without rights: commands run on through many changes", async () => {
      await withServer(async ({ client }) => {
        const app = await as("app");
        const answers = new Set<string>();
        let changing = true;
        const working = (async () => {
          while (changing) answers.add(await may(app, ["SET", "app:1", "x"]));
        })();
        for (let change = 0; change < 50; change++)
          await loadUsers(client, wantedWith({ app: { keys: [change % 2 ? "*" : "app:*"] } }));
        changing = false;
        await working;
        expect([...answers]).toEqual(["yes"]);
      });
    });

    it("take default's rights away by another user's connection only, and at the end", async () => {
      await withFolder(async (folder) => {
        const wanted = wantedWith();
        const { client } = await launchRedis({
          folder,
          port,
          program: programs.server,
          conf: `port ${port}\nsave ""\n`,
        });
        expect(await loadUsers(client, wanted)).toHaveLength(6);
        expect(await loadedUsersDiffer(client, wanted)).toEqual([
          "default is on, needs no password, has other keys, channels, commands",
        ]);
        expect(await loadUsers(client, wanted)).toEqual([]);
        expect(await may(client, ["SET", "key", "value"])).toBe("yes");

        const admin = await as("admin");
        expect(await loadUsers(admin, wanted)).toHaveLength(1);
        expect(await may(client, ["SET", "key", "value"])).toBe("no");
        expect(await loadedUsersDiffer(admin, wanted)).toEqual([]);
      });
    });

    it("stay as they are when the wanted ones cannot be loaded, and the error holds no hash", async () => {
      await withServer(async ({ client }) => {
        const before = await client.call("ACL", "LIST");
        const edited = (edit: (acl: string) => string): AclUser[] =>
          parseAcl(edit(aclFiles({ engine, version }).redis));
        for (const [users, message] of [
          [
            edited((acl) => acl.replace(" +time", " +tiem").replace("~*", "~x")),
            "user app: the server does not know +tiem; nothing was changed",
          ],
          [edited((acl) => acl.replace(/^user admin.*\n/m, "")), "user admin is missing in the wanted users"],
          [edited((acl) => acl.replace(/^user default.*\n/m, "")), "user default is missing in the wanted users"],
        ] as const) {
          await expect(loadUsers(client, users)).rejects.toThrow(message);
          expect(await client.call("ACL", "LIST")).toEqual(before);
        }
        const [hash = ""] = hashes["app"] ?? [];
        const refused = edited((acl) => acl.replace(`#${hash}`, `#${hash.toUpperCase()}`));
        const error = await loadUsers(client, refused).then(
          () => undefined,
          (it: Error) => it,
        );
        expect(error?.message).toMatch(/^user app: .*<hash>/);
        expect(JSON.stringify([error, error?.message, error?.stack])).not.toMatch(new RegExp(hash, "i"));
        expect(await may(await as("app"), ["PING"])).toBe("yes");
      });
    });
  });
});
