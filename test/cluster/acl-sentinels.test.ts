import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { passwordHash } from "../../secrets/passwords.ts";
import { waitFor } from "../../agent/processes.ts";
import { loadedUsersDiffer, loadUsers } from "../../cluster/acl.ts";
import { parseAcl } from "../../topology/acl-file.ts";
import { aclFiles, connectAs, hashes, launchSentinelWithUsers, login, may, passwordOf, say } from "../support/acl.ts";
import { AclGroup, master } from "../support/acl-group.ts";
import { describeEachServer } from "../support/each-server.ts";
import { sentinelStateFile, withFolder } from "../support/redis-process.ts";

const words = (line: string): string[] => line.split(" ");
const sentinelRights = {
  yes: [
    ...[
      `GET-MASTER-ADDR-BY-NAME ${master}`,
      "MASTERS",
      `MASTER ${master}`,
      `REPLICAS ${master}`,
      `SLAVES ${master}`,
      `SENTINELS ${master}`,
    ].map((it) => words(`SENTINEL ${it}`)),
    ...["PING", "INFO", "ROLE", "CLIENT SETNAME web", "CLIENT ID", "HELLO 2", "COMMAND COUNT"].map(words),
    ...["SUBSCRIBE +switch-master", "PSUBSCRIBE *"].map(words),
  ],
  no: [
    ...[
      "REMOVE test-acl",
      "MONITOR other 127.0.0.1 1 1",
      `SET ${master} quorum 1`,
      `RESET *`,
      `FAILOVER ${master}`,
      "FLUSHCONFIG",
    ].map((it) => words(`SENTINEL ${it}`)),
    // With an id at the end, this is a request for a vote. CONFIG GET answers sentinel-pass.
    ...[
      `IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 9 ${"a".repeat(40)}`,
      "CONFIG GET *",
      "CONFIG SET announce-port 1",
      "DEBUG INFO-PERIOD 1",
    ].map((it) => words(`SENTINEL ${it}`)),
    ...["SIMULATE-FAILURE crash-after-election", "PENDING-SCRIPTS"].map((it) => words(`SENTINEL ${it}`)),
    ...[
      "PUBLISH __sentinel__:hello x",
      "PUBLISH +switch-master x",
      "CLIENT LIST",
      "CLIENT KILL TYPE normal",
      "SHUTDOWN",
    ].map(words),
    ...["ACL LIST", "ACL SETUSER default on nopass +@all", "CLIENT PAUSE 1"].map(words),
  ],
};

describeEachServer((programs, { engine, version }) => {
  it("sentinel-client may ask for the master and nothing that changes; nobody else gets in", async () => {
    await withFolder(async (folder) => {
      const port = 18_720;
      const acl = aclFiles({ engine, version }).sentinel;
      const state = `sentinel monitor ${master} 127.0.0.1 1 2\n`;
      const { client } = await launchSentinelWithUsers({ folder, port, programs, acl, state });
      expect(await loadedUsersDiffer(client, parseAcl(acl))).toEqual([]);

      for (const command of ["PING", `SENTINEL GET-MASTER-ADDR-BY-NAME ${master}`, `SENTINEL RESET *`]) {
        expect(await say(port, command)).toMatch(/^-NOAUTH/);
      }
      expect(await say(port, `AUTH sentinel-client "${passwordOf("sentinel-peer")}"`)).toMatch(/^-WRONGPASS/);
      expect(await say(port, `AUTH admin "${passwordOf("admin")}"`)).toMatch(/^-WRONGPASS/);

      const asker = await connectAs(port, login("sentinel-client"));
      const wrong: string[] = [];
      for (const [expected, commands] of Object.entries(sentinelRights)) {
        const redis = await connectAs(port, login("sentinel-client"));
        for (const command of commands) {
          const answer = await may(redis, command);
          if (answer !== expected) wrong.push(`${command.join(" ")}: ${answer}`);
        }
        redis.disconnect();
      }
      expect(wrong).toEqual([]);

      // The events tell of a new password, and not which.
      const events: string[] = [];
      asker.on("pmessage", (_, channel, message) => events.push(`${channel} ${message}`));
      await asker.psubscribe("*");
      await client.call("SENTINEL", "SET", master, "auth-pass", "hunter2");
      await client.call("SENTINEL", "SET", master, "down-after-milliseconds", "1234");
      await waitFor("the events", () => events.some((it) => it.includes("1234")) || undefined, 5000);
      expect(events.join("\n")).not.toContain("hunter2");
      asker.disconnect();

      // A user in Sentinel's own file would stand there and in the ACL file, and keep it from its next start.
      const passwords = { ...hashes, "sentinel-client": [passwordHash("new")] };
      const wanted = parseAcl(aclFiles({ engine, version }, {}, passwords).sentinel);
      expect(await loadUsers(client, wanted)).toEqual(["sentinel-client has other passwords"]);
      expect(await client.call("SENTINEL", "FLUSHCONFIG")).toBe("OK");
      expect(await readFile(sentinelStateFile(folder), "utf8")).not.toMatch(/^user /m);
    });
  });

  it("three nodes with these users replicate, fail over, hand over and end a script, and nothing that they need is refused", async () => {
    await withFolder(async (folder) => {
      const group = await AclGroup.start(folder, programs, aclFiles({ engine, version }));
      const write = async (): Promise<true | undefined> => {
        const app = await connectAs(await group.master(), login("app"));
        const answer = await may(app, ["SET", "key", "value"]);
        app.disconnect();
        return answer === "yes" || undefined;
      };
      await waitFor("a write that a replica has", write, 30_000);

      const died = await group.killMaster();
      await group.complete();
      expect(await group.master()).not.toBe(died);
      await waitFor("writes at the new master", write, 30_000);

      // What the agent does for a planned change: the old master becomes a replica by a PSYNC of its own.
      const handedOver = await group.master();
      await group.handOver();
      await group.complete();
      expect(await group.master()).not.toBe(handedOver);
      await waitFor("writes at the third master", write, 30_000);

      const looping = await connectAs(await group.master(), login("app"));
      expect(await may(looping, ["EVAL", "while true do end", "0"])).toMatch(/killed by user/i);
      looping.disconnect();
      await waitFor("writes after the script", write, 30_000);

      expect(await group.refusals()).toEqual([]);

      // One sentence on this channel, and every Sentinel names another master: this is what only they may say.
      const real = await group.master();
      const forgery = `127.0.0.1,18799,${"b".repeat(40)},999,${master},127.0.0.1,18798,999`;
      for (const user of ["app", "reader", "replica", "monitor", "sentinel"]) {
        expect(await group.master()).toBe(real);
        const forger = await connectAs(real, login(user));
        expect(await may(forger, ["PUBLISH", "__sentinel__:hello", forgery])).toBe(user === "sentinel" ? "yes" : "no");
        forger.disconnect();
      }
      await waitFor("the forged master", async () => (await group.master()) === 18_798 || undefined, 30_000);
    });
  });
});
