import fs from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterFixture, waitUntil } from "../support/cluster-fixture.ts";
import { bash, passwordsFor, redisHa } from "./run-cli.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
/** The password stands neither there nor in the arguments of what it starts. */
const printed = (user: string, port: number, authority: string): string =>
  `REDISCLI_AUTH="$(npx redis-ha secrets show users/${user} --env local)" redis-cli -h 127.0.0.1 -p ${port} --user ${user} --tls --cacert ${authority}`;
const optionOf = <T>(text: string): T => JSON.parse(text) as T;

describe("redis-ha connect", { timeout: 60_000 }, () => {
  let cluster: ClusterFixture;
  beforeAll(async () => {
    cluster = await ClusterFixture.start({ port: 17080 });
  }, 40_000);
  afterAll(() => cluster?.end());
  const run = (...args: string[]): ReturnType<typeof redisHa> => redisHa(cluster.root, ["connect", ...args]);
  const get = (node: string, key: string): Promise<string | null> => cluster.redis(node, (redis) => redis.get(key));

  const authority = (node: string): string => path.join(path.dirname(cluster.folder(node).secrets), "ca.crt");

  it("prints the command for the master, which a shell can run as it stands", async () => {
    expect(await run()).toEqual({ code: 0, stdout: printed("app", 17080, authority("redis-a")), stderr: "" });
    expect((await run("--", "get", "it's here")).stdout).toBe(
      `${printed("app", 17080, authority("redis-a"))} get 'it'\\''s here'`,
    );
    const ran = await bash(cluster.root, `eval "$(redis-ha connect -- set 'a key' 'a "value" and $HOME')"`);
    expect(ran).toMatchObject({ code: 0, stdout: "OK" });
    expect(await get("redis-a", "a key")).toBe('a "value" and $HOME');
  });

  it("--exec runs redis-cli with these arguments, and passes on its output, input and exit code", async () => {
    expect(await run("--exec", "--", "set", "x", "1")).toEqual({ code: 0, stdout: "OK", stderr: "" });
    expect(await get("redis-a", "x")).toBe("1");
    const piped = await bash(cluster.root, "echo 'get x' | redis-ha connect --exec");
    expect(piped).toMatchObject({ code: 0, stdout: "1" });
    expect((await run("--exec", "--", "--no-such-option")).code).toBe(1);
    expect((await run("--exec", "--", "-e", "set", "x")).code).toBe(1);
  });

  it("--user logs in as another one, who may do more, or less", async () => {
    expect((await run("--exec", "--", "set", "x", "2")).stdout).toBe("OK");
    expect((await run("--exec", "--", "slowlog", "get")).stdout).toContain("NOPERM");
    expect((await run("--exec", "--user", "admin", "--", "acl", "whoami")).stdout).toBe("admin");
    expect((await run("--exec", "--user", "monitor", "--", "get", "x")).stdout).toContain("NOPERM");
    const ran = await run("--user", "replica");
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("Allowed choices are app, reader, monitor, admin");
  });

  it("--exec says how to get redis-cli where it is missing", async () => {
    const ran = await redisHa(cluster.root, ["connect", "--exec"], { PATH: "/nowhere" });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("redis-cli is not installed; on Debian: apt-get install redis-tools");
  });

  it("--replica leads to a linked replica", async () => {
    expect((await run("--replica")).stdout).toMatch(/ -p 1708[12] --user reader /);
    expect((await run("--replica", "--exec", "--", "role")).stdout).toMatch(/^slave/);
  });

  it("--json prints options that ioredis takes as they are: the client writes, or reads from a replica", async () => {
    const ran = await run("--json");
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const options = optionOf<RedisOptions>(ran.stdout);
    expect(options).toEqual({
      sentinels: [17085, 17086, 17087].map((port) => ({ host: "127.0.0.1", port })),
      name: "test-local",
      role: "master",
      connectTimeout: 500,
      sentinelCommandTimeout: 500,
      socketTimeout: 1000,
      maxRetriesPerRequest: null,
      username: "app",
      password: cluster.logins.passwords.app,
      sentinelUsername: "sentinel-client",
      sentinelPassword: cluster.logins.passwords["sentinel-client"],
      tls: { ca: cluster.logins.tls?.authority },
      sentinelTLS: { ca: cluster.logins.tls?.authority },
      enableTLSForSentinelMode: true,
    });
    const client = new Redis(options);
    const reader = new Redis(optionOf<RedisOptions>((await run("--json", "--replica")).stdout));
    try {
      expect(await client.set("from-json", "yes")).toBe("OK");
      await waitUntil("the replica has it", async () => (await reader.get("from-json")) === "yes");
      await expect(reader.set("from-json", "no")).rejects.toThrow("NOPERM");
    } finally {
      client.disconnect();
      reader.disconnect();
    }
    expect(await get("redis-a", "from-json")).toBe("yes");
  });

  describe("--ioredis", () => {
    let folder: string;
    beforeAll(async () => {
      folder = path.join(cluster.root, "service");
      await fs.mkdir(folder);
      await fs.symlink(path.join(project, "node_modules"), path.join(folder, "node_modules"));
      await fs.writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
      const ran = await run("--ioredis");
      expect(ran).toMatchObject({ code: 0, stderr: "" });
      await fs.writeFile(path.join(folder, "redis.ts"), ran.stdout);
    });

    it("prints a module that strict TypeScript takes", async () => {
      const strict =
        "--noEmit --strict --noUncheckedIndexedAccess --noUnusedLocals --noUnusedParameters --noImplicitReturns";
      const args = `${strict} --module nodenext --target es2022 --lib es2022 --types node redis.ts`.split(" ");
      const tsc = path.join(project, "node_modules", "typescript", "bin", "tsc");
      const check = (): ReturnType<typeof execa> =>
        execa(process.execPath, [tsc, ...args], { cwd: folder, reject: false });
      expect(await check()).toMatchObject({ stdout: "", exitCode: 0 });
    }, 120_000);

    it("gives the reason of every option beside it", async () => {
      const text = await fs.readFile(path.join(folder, "redis.ts"), "utf8");
      const options = text.slice(text.indexOf("options: RedisOptions"), text.indexOf("\n};"));
      for (const name of [
        "sentinels",
        "connectTimeout",
        "socketTimeout",
        "maxRetriesPerRequest",
        "retryStrategy",
        "reconnectOnError",
        "autoResendUnfulfilledCommands",
      ]) {
        expect(options).toMatch(new RegExp(`\\n  // [^\\n]+\\n  ${name}: `));
      }
    });

    it("prints clients that write to the master, read from a replica, and end when they are closed", async () => {
      const script = `
        import { createClient, createReader } from "./redis.ts";
        const client = createClient();
        await client.set("from-module", "yes");
        const reader = createReader();
        while ((await reader.get("from-module")) !== "yes") await new Promise((done) => setTimeout(done, 20));
        console.log(((await reader.role()) as unknown[])[0], await client.wait(2, 1000));
        await Promise.all([client.quit(), reader.quit()]);`;
      await fs.writeFile(path.join(folder, "use.ts"), script);
      const ran = await execa(process.execPath, ["--import", "tsx", "use.ts"], {
        cwd: folder,
        env: passwordsFor(cluster),
        timeout: 20_000,
      });
      expect(ran.stdout).toBe("slave 2");
      expect(await get("redis-a", "from-module")).toBe("yes");
    });
  });

  // From here on the cluster is broken bit by bit.

  it("asks a quorum of Sentinels, not one, and warns when it must ask the servers instead", async () => {
    await cluster.stop("redis-b/sentinel");
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
    await cluster.stop("redis-c/sentinel");
    const ran = await run();
    expect(ran).toMatchObject({ code: 0, stdout: printed("app", 17080, authority("redis-a")) });
    expect(ran.stderr).toContain(
      "warning: no quorum of Sentinels names a master; redis-a is the only server that says",
    );
  });

  it("warns of a replica without a link, and gives up when there is nothing to connect to", async () => {
    await cluster.stop("redis-c/redis");
    await cluster.stop("redis-a/redis");
    await waitUntil("the link is down", async () =>
      cluster.redis("redis-b", async (redis) => (await redis.info("replication")).includes("master_link_status:down")),
    );
    const replica = await run("--replica");
    expect(replica).toMatchObject({ code: 0, stdout: printed("reader", 17081, authority("redis-b")) });
    expect(replica.stderr).toContain("what it holds may be old");
    const master = await run();
    expect(master).toMatchObject({ code: 1, stdout: "" });
    expect(master.stderr).toContain("no master to connect to");
    await cluster.stop("redis-b/redis");
    expect(await run("--replica")).toMatchObject({ code: 1, stdout: "" });
  });
});
