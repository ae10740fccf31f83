import fs from "node:fs";
import path from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { isAlive, readRecord, waitFor } from "../../agent/processes.ts";
import { directLoginOf } from "../../cli/client-options.ts";
import { redisEndpoint, sentinelEndpoint } from "../../cluster/answers.ts";
import type { Endpoint } from "../../cluster/connection.ts";
import { clientFile, clientKey } from "../../secrets/issued.ts";
import { authorityCertificate, clientCertificate, newKey } from "../../secrets/x509.ts";
import { passwordsFor } from "../cli/run-cli.ts";
import { AppliedCluster, expectNothingLost } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { KnownSecrets } from "../support/known-secrets.ts";
import { leaksBelow } from "../support/leaks.ts";
import { atDate } from "../support/dated-certificate.ts";
import { describeInNamespaces, namespacedCluster } from "../support/lab.ts";

const described = (clientCertificates: boolean) => ({
  ...threeNodes("local", 17_500),
  access: { clientCertificates },
});

/** The steps build on each other. */
describe.sequential("a cluster whose clients must show a certificate", () => {
  let cluster: AppliedCluster;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(described(true));
  });
  afterAll(() => cluster?.remove());

  const names = (): string[] => cluster.cluster.names;
  const pids = (...of: ("redis" | "sentinel" | "agent")[]): number[] =>
    names().flatMap((node) => of.map((name) => cluster.pid(node, name)));
  const ca = (): string => cluster.cluster.logins.tls?.authority ?? "";
  /** Says PING at a server as `app`, or at a Sentinel as `sentinel-client`. @returns the answer, or what is said instead */
  const ping = async ({ address: host, port }: Endpoint, over: RedisOptions["tls"]): Promise<string> => {
    const { passwords } = cluster.cluster.logins;
    const username = port < 17_510 ? "app" : "sentinel-client";
    const redis = new Redis({
      ...{ host, port, username, password: passwords[username], tls: { ca: ca(), ...over } },
      ...{ lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false, maxRetriesPerRequest: 0 },
    });
    let fault = "";
    redis.on("error", (error: Error) => (fault ||= error.message));
    try {
      await redis.connect();
      return await redis.ping();
    } catch (error) {
      return fault || (error as Error).message;
    } finally {
      redis.disconnect();
    }
  };
  const ports = (): Endpoint[] =>
    cluster.cluster.topology.nodes.flatMap((node) => [redisEndpoint(node), sentinelEndpoint(node)]);
  const everywhere = (over: RedisOptions["tls"]): Promise<string[]> =>
    Promise.all(ports().map((port) => ping(port, over)));
  const done = async (...args: string[]): Promise<string> => {
    const { code, all } = await cluster.redisHa(...args);
    expect(code, all).toBe(0);
    return all;
  };
  /** Switches while a client writes, node by node as the zones are applied. */
  const switched = async (on: boolean): Promise<void> => {
    const { checkout } = cluster;
    checkout.describe(described(on));
    expect((await checkout.synth()).code).toBe(0);
    // Clients can be given theirs before it is asked for.
    await done("secrets", "init");
    const [master, kept, sentinels] = [await cluster.master(), pids("redis", "agent"), pids("sentinel")];
    let down = 0;
    const load = await cluster.underLoad(async () => {
      down = await cluster.cluster.longestLinkDown(async () => {
        for (const node of names()) await cluster.apply(node);
      });
    });
    console.log(`${on ? "on" : "off"}: ${Math.round(load.longestGapMs)} ms without writes, a link down for ${down} ms`);
    expectNothingLost(load);
    expect(down).toBe(0);
    expect([await cluster.master(), pids("redis", "agent")]).toEqual([master, kept]);
    for (const pid of pids("sentinel")) expect(sentinels).not.toContain(pid);
    const wanted = on ? "yes" : "optional";
    for (const node of names()) expect(await cluster.configValue(node, "tls-auth-clients")).toBe(wanted);
    await cluster.verified();
  };

  it("lets clients in without one when it is switched off, which nobody feels", async () => {
    await switched(false);
    expect(await everywhere({})).toEqual(ports().map(() => "PONG"));
  });

  it("is switched on: no server is restarted but the Sentinels, no link breaks, nothing is lost", async () => {
    await switched(true);
  });

  it("refuses whoever shows none, or one of somebody else, logs it, and goes on", async () => {
    const before = pids("redis", "sentinel");
    const key = await newKey();
    const other = { key, certificate: await authorityCertificate("other", key) };
    const strangers = { cert: await clientCertificate(other, key), key };
    // Whoever writes before it has read why is told less.
    for (const answer of await everywhere({})) expect(answer).toMatch(/certificate required|ECONNRESET|EPIPE/);
    for (const answer of await everywhere(strangers)) expect(answer).toMatch(/unknown ca|ECONNRESET|EPIPE/);
    const { certificate: cert = "", key: own = "" } = cluster.cluster.logins.tls ?? {};
    expect(await everywhere({ cert, key: own })).toEqual(ports().map(() => "PONG"));
    expect(pids("redis", "sentinel")).toEqual(before);
    for (const node of names())
      for (const name of ["redis", "sentinel"]) {
        const log = fs.readFileSync(path.join(cluster.folder(node).logs, `${name}.log`), "utf8");
        expect(log).toContain("peer did not return a certificate");
        expect(log).toContain("certificate verify failed");
      }
  });

  it("serves clients that log in as connect says, in each of its forms", async () => {
    const { root } = cluster.checkout;
    const connect = async (...args: string[]): Promise<string> => {
      const { code, all } = await cluster.checkout.redisHa("connect", "--env", "local", ...args);
      expect(code, all).toBe(0);
      return all;
    };
    expect(await connect("--exec", "--", "set", "from", "exec")).toBe("OK");
    const command = await connect("--replica", "--", "get", "from");
    expect((await cluster.checkout.run("bash", ["-c", command])).stdout).toBe("exec");

    const client = new Redis({ ...(JSON.parse(await connect("--json")) as RedisOptions), commandTimeout: 5000 });
    client.on("error", () => undefined);
    expect(await client.get("from").finally(() => client.disconnect())).toBe("exec");

    fs.writeFileSync(path.join(root, "redis.ts"), await connect("--ioredis"));
    const use = `import { createClient, createReader } from "./redis.ts";
      const [client, reader] = [createClient(), createReader()];
      console.log(await client.get("from"), await reader.get("from"));
      await Promise.all([client.quit(), reader.quit()]);`;
    fs.writeFileSync(path.join(root, "use.ts"), use);
    const ran = await cluster.checkout.run(process.execPath, ["--import", "tsx", "use.ts"], {
      env: passwordsFor(cluster.cluster),
    });
    expect(ran.all).toBe("exec exec");
  });

  it("is asked, drilled and mended by every command", async () => {
    await done("status");
    await done("failover");
    const drilled = await done("drill", "crash", "--yes");
    expect(drilled).toContain("lost");
    await done("converge");
    await done("repair");
    await done("elect");
    await done("roll");
    await done("secrets", "rotate");
    await done("secrets", "rotate", "--finish");
    await cluster.verified();
  });

  it("is told by verify when the clients' certificate is about to expire", async () => {
    const file = path.join(cluster.checkout.store("local"), clientFile);
    const [before, key] = [fs.readFileSync(file, "utf8"), fs.readFileSync(file.replace(/crt$/, "key"), "utf8")];
    expect((await cluster.redisHa("verify")).all).toMatch(/ok +the certificate that clients show is valid/);
    const authority = { certificate: ca(), key: fs.readFileSync(path.join(path.dirname(file), "ca.key"), "utf8") };
    const inDays = (days: number): Promise<string> => atDate(days - 825, () => clientCertificate(authority, key));
    try {
      for (const [days, said] of [
        [13, /tls\/client\.crt, which clients show, expires on /],
        [-1, /tls\/client\.crt, which clients show, has expired on /],
      ] as const) {
        fs.writeFileSync(file, await inDays(days));
        const { code, all } = await cluster.redisHa("verify");
        expect([code, all]).toEqual([1, expect.stringMatching(said)]);
        expect(all).toContain("-> renew it, and give it to your clients (docs/security.md)");
      }
      fs.writeFileSync(file, await inDays(16));
      expect((await cluster.redisHa("verify")).code).toBe(0);
    } finally {
      fs.writeFileSync(file, before);
    }
  });

  it("has the clients' key nowhere but in the store", async () => {
    const store = cluster.checkout.store("local");
    expect(fs.statSync(path.join(store, clientKey)).mode & 0o777).toBe(0o600);
    expect(fs.existsSync(path.join(store, clientFile))).toBe(true);
    const secrets = KnownSecrets.of(store);
    const { root } = cluster.checkout;
    for (const folder of [path.join(root, "cdktf.out"), path.join(path.dirname(root), "state")]) {
      const found = await leaksBelow(folder, secrets);
      expect(found.filter((leak) => leak.includes(clientKey))).toEqual([]);
    }
  });

  it("is ended by npm stop, a node without its folder too", async () => {
    const records = names().flatMap((node) =>
      ["redis", "sentinel", "agent"].map((name) => readRecord(path.join(cluster.folder(node).run, `${name}.json`))),
    );
    for (const node of names()) {
      process.kill(cluster.pid(node, "agent"), "SIGKILL");
      fs.rmSync(cluster.folder(node).root, { recursive: true });
    }
    // What it does not find, nobody finds later.
    onTestFinished(() => {
      for (const record of records) if (record && isAlive(record)) process.kill(record.pid, "SIGKILL");
    });
    const { code, all } = await cluster.checkout.stop();
    expect(code, all).toBe(0);
    const gone = (): true | undefined => (records.some((record) => record && isAlive(record)) ? undefined : true);
    await waitFor("every process has ended", gone, 5000);
  });
});

describeInNamespaces("a copy of it in network namespaces", () => {
  const copy = namespacedCluster(described(true));

  it("lets a drill's clients in, and nobody without a certificate", async () => {
    const cluster = copy();
    const master = await cluster.whole();
    const { address: host, port } = cluster.endpoint(master);
    const { tls, passwords } = cluster.logins;
    const within = cluster.inside({ node: master });
    const write = async (name: string, logins: typeof cluster.logins): Promise<number> => {
      const connection = { host, port, ...directLoginOf("master", logins) };
      await within.ask("startWriter", { name, waitReplicas: 0, connection });
      const some = async (): Promise<number | undefined> => (await within.ask("acknowledged", name)) || undefined;
      return waitFor("writes", some, 5000, 100).catch(() => 0);
    };
    expect(await write("shows", cluster.logins)).toBeGreaterThan(0);
    expect(await write("shows-none", { passwords, tls: { authority: tls?.authority ?? "" } })).toBe(0);
  });
});
