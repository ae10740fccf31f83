import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisEndpoint, sentinelEndpoint } from "../../cluster/answers.ts";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { initSecrets } from "../../secrets/init.ts";
import { authorityCertificate, newKey, nodeCertificate } from "../../secrets/x509.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { createCheckout, threeNodes } from "../support/checkout.ts";
import { expiredCertificate } from "../support/dated-certificate.ts";
import { startImpostor } from "../support/impostor.ts";

const ANSWER_MS = 3000;
/** The servers make 200 handshakes one after the other, beside whatever else the computer does. */
const FLOOD_MS = 30_000;
/** Sentinel makes a replica of a master that it takes for one after 8 s (four publish periods). */
const SENTINEL_CONVERTS_MS = 10_000;
const described = threeNodes("local", 17960);

/** Somebody who reaches the ports of a cluster that was applied as it comes, and has no secret of it. */
describe.sequential("a stranger at the ports", () => {
  let cluster: AppliedCluster;
  let ca: string;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(described);
    ca = cluster.cluster.logins.tls?.authority ?? "";
  });
  afterAll(async () => {
    if (!cluster) return;
    try {
      // Nothing that was tried has done anything.
      await cluster.verified();
    } finally {
      await cluster.remove();
    }
  });

  const ports = (): Endpoint[] =>
    cluster.cluster.topology.nodes.flatMap((node) => [redisEndpoint(node), sentinelEndpoint(node)]);
  const stored = (name: string, environment = "local"): string =>
    fs.readFileSync(path.join(cluster.checkout.store(environment), name), "utf8");
  const authority = () => ({ certificate: ca, key: stored("tls/ca.key") });
  const pidsOf = (...nodes: string[]): number[] =>
    nodes.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
  /**
   * Sends bytes over a connection that is open, and returns what comes until it is closed, or for a while.
   * @param firstWithinMs the first answer is enough, and is waited for so long
   */
  const sent = (
    socket: net.Socket,
    ready: "connect" | "secureConnect",
    bytes: string,
    firstWithinMs?: number,
  ): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      const end = (why: string): void => {
        socket.destroy();
        resolve(text + why);
      };
      socket.setTimeout(firstWithinMs ?? ANSWER_MS, () => end(" (no answer)"));
      socket.on(ready, () => socket.write(bytes));
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (firstWithinMs !== undefined) end("");
      });
      socket.on("error", (error: Error) => end(` (${error.message})`));
      socket.on("close", () => end(""));
    });
  const overTls = (
    { address: host, port }: Endpoint,
    bytes: string,
    options: tls.ConnectionOptions = {},
    firstWithinMs?: number,
  ) => sent(tls.connect({ host, port, ca, ...options }), "secureConnect", bytes, firstWithinMs);
  const asking = async (
    endpoint: Endpoint,
    login: RedisOptions,
    ...command: [string, ...string[]]
  ): Promise<string> => {
    const redis = new Redis({
      ...{ host: endpoint.address, port: endpoint.port, tls: { ca }, ...login },
      ...{ lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false, maxRetriesPerRequest: 0 },
    });
    let fault = "";
    redis.on("error", (error: Error) => (fault ||= error.message));
    try {
      await redis.connect();
      return String(await redis.call(...command));
    } catch (error) {
      return fault || (error as Error).message;
    } finally {
      redis.disconnect();
    }
  };

  it("gets no answer in plain text, at no port", async () => {
    for (const { address: host, port } of ports()) {
      const answer = await sent(net.connect({ host, port }), "connect", "PING\r\nINFO\r\n");
      expect(answer, `${port}`).not.toMatch(/PONG|redis_version|NOAUTH|DENIED/);
    }
  });

  it("may do nothing without a login, or with a wrong one", async () => {
    for (const endpoint of ports()) {
      for (const command of [["PING"], ["INFO"], ["CONFIG", "GET", "*"], ["SENTINEL", "MASTERS"]] as [
        string,
        ...string[],
      ][])
        expect(await asking(endpoint, {}, ...command)).toMatch(/^NOAUTH/);
      for (const username of ["default", "admin", "sentinel-peer", "nobody"])
        expect(await asking(endpoint, { username, password: "guessed" }, "PING")).toMatch(/^WRONGPASS/);
    }
  });

  it("cannot name another master, or make the Sentinels fail over", async () => {
    const { masterName, nodes } = cluster.cluster.topology;
    const client = { username: "sentinel-client", password: cluster.cluster.logins.passwords["sentinel-client"] };
    for (const node of nodes) {
      for (const command of [
        ["SENTINEL", "MONITOR", "other", "127.0.0.1", "1", "1"],
        ["SENTINEL", "SET", masterName, "quorum", "1"],
        ["SENTINEL", "FAILOVER", masterName],
        ["SENTINEL", "REMOVE", masterName],
        ["SHUTDOWN"],
      ] as [string, ...string[]][]) {
        expect(await asking(sentinelEndpoint(node), {}, ...command)).toMatch(/^NOAUTH/);
        expect(await asking(sentinelEndpoint(node), client, ...command)).toMatch(/^NOPERM/);
      }
    }
  });

  it("is not let in with the certificate of another authority, and is not believed as a server by ours", async () => {
    const [authorityKey, key] = [await newKey(), await newKey()];
    const other = await authorityCertificate("other", authorityKey);
    const names = { dns: ["redis-a"], addresses: ["127.0.0.1"] };
    const cert = await nodeCertificate({ certificate: other, key: authorityKey }, names, key);
    for (const endpoint of ports()) {
      expect(await overTls(endpoint, "PING\r\n", { cert, key })).toMatch(/unknown ca|alert/i);
      expect(await overTls(endpoint, "PING\r\n", { ca: other })).toMatch(/certificate/);
    }
  });

  it("is not let in with a certificate of ours that has expired", async () => {
    const key = await newKey();
    const names = { dns: ["redis-a"], addresses: ["127.0.0.1"] };
    const expired = await expiredCertificate(authority(), names, key);
    const valid = await nodeCertificate(authority(), names, key);
    for (const endpoint of ports()) {
      expect(await overTls(endpoint, "PING\r\n", { cert: valid, key }, ANSWER_MS)).toContain("-NOAUTH");
      expect(await overTls(endpoint, "PING\r\n", { cert: expired, key })).toMatch(/certificate expired/);
    }
  });

  it("of another environment of this computer is not let in, and not believed as a server", async () => {
    await initSecrets(new FileStore(cluster.checkout.store("other")), cluster.cluster.topology);
    // Its node of the same name and address.
    const [cert, key] = [stored("tls/nodes/redis-a.crt", "other"), stored("tls/nodes/redis-a.key", "other")];
    const server = tls.createServer({ cert, key }, (socket) => socket.end("+PONG\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const at = { address: "127.0.0.1", port: (server.address() as net.AddressInfo).port };
      expect(await overTls(at, "PING\r\n", { ca: stored("tls/ca.crt", "other") })).toContain("PONG");
      expect(await overTls(at, "PING\r\n")).toMatch(/certificate/);
      for (const endpoint of ports()) {
        expect(await overTls(endpoint, "PING\r\n", { cert, key })).toMatch(/unknown ca|alert/i);
        for (const username of ["admin", "app", "sentinel-peer", "sentinel-client"]) {
          const login = { username, password: stored(`users/${username}`, "other") };
          expect(await asking(endpoint, login, "PING")).toMatch(/^WRONGPASS/);
        }
      }
    } finally {
      server.close();
    }
  });

  it("brings nothing down with what is no request, or one that has no end", async () => {
    const before = pidsOf(...cluster.cluster.names);
    for (const endpoint of ports()) {
      for (const bytes of [
        "*1000000\r\n$3\r\nSET\r\n",
        "*1\r\n$536870912\r\n",
        "*-5\r\n$-1\r\n\r\n",
        `${"x".repeat(200_000)}\r\n`,
        "\0\xff".repeat(5000),
        "AUTH ".padEnd(70_000, "a"),
      ])
        expect(await overTls(endpoint, bytes)).not.toMatch(/\+OK|PONG/);
      const flood = Array.from({ length: 200 }, () => overTls(endpoint, "PING\r\n", {}, FLOOD_MS));
      expect((await Promise.all(flood)).filter((answer) => !answer.startsWith("-NOAUTH"))).toEqual([]);
    }
    expect(pidsOf(...cluster.cluster.names)).toEqual(before);
  });

  it("is written down by the servers", async () => {
    for (const node of cluster.cluster.names) {
      const log = (await withConnection(cluster.endpoint(node), (redis) => redis.call("ACL", "LOG"))) as string[][];
      const refused = log.map((entry) => [entry[entry.indexOf("reason") + 1], entry[entry.indexOf("username") + 1]]);
      expect(refused, node).toEqual(
        expect.arrayContaining([
          ["auth", "admin"],
          ["auth", "nobody"],
        ]),
      );
      for (const server of ["redis", "sentinel"]) {
        const text = fs.readFileSync(path.join(cluster.folder(node).logs, `${server}.log`), "utf8");
        expect(text, node).toMatch(/Error accepting a client connection: .*certificate verify failed/);
      }
      const sentinels = (await cluster.sentinel(node, "ACL", "LOG")) as string[][];
      expect(sentinels.map((entry) => entry[entry.indexOf("object") + 1])).toContain("shutdown");
    }
  });

  it("with a node's addresses, its files, and other secrets, is never counted, followed or copied", async () => {
    const other = await createCheckout(described);
    let stop = (): Promise<void> => Promise.resolve();
    try {
      const master = await cluster.master();
      const [node, rest] = await cluster.replicas();
      await withConnection(cluster.endpoint(master), (redis) => redis.set("whose", "ours"));
      expect((await other.synth()).code).toBe(0);
      cluster.kill(node, "agent", "redis", "sentinel");
      const before = pidsOf(master, rest);

      // The others' servers do not take the secrets of a node that is applied from there.
      const { code, all } = await other.host("apply", "local", node);
      expect(code).toBe(1);
      expect(all).toContain("runs, and would not know it with what the environment's store has. Nothing was changed");
      expect(fs.existsSync(other.folder("local", node).root)).toBe(false);
      expect(pidsOf(master, rest)).toEqual(before);

      stop = await startImpostor(other, cluster.spec(node));
      const theirs = (name: string): string => fs.readFileSync(path.join(other.store("local"), name), "utf8");
      const login = { username: "admin", password: theirs("users/admin"), tls: { ca: theirs("tls/ca.crt") } };
      const { port } = cluster.endpoint(node);
      const impostor = (...command: [string, ...string[]]) => asking({ address: "127.0.0.1", port }, login, ...command);
      expect(await impostor("CONFIG", "SET", "min-replicas-to-write", "0")).toBe("OK");
      expect(await impostor("SET", "whose", "foreign")).toBe("OK");
      await delay(SENTINEL_CONVERTS_MS);
      expect(await cluster.cluster.master()).toBe(master);
      expect((await cluster.sentinels()).map(({ state }) => state?.configEpoch ?? 0)).not.toContain(999);

      // A Sentinel of a failover that has an impostor to choose, and to ask for its vote.
      cluster.kill(master, "agent", "redis");
      expect(await cluster.cluster.masterOtherThan(master)).toBe(rest);
      const seen = async (): Promise<string[]> =>
        (await cluster.sentinels()).flatMap(({ state }) =>
          [...(state?.sentinels ?? []), ...(state?.replicas ?? [])]
            .filter((each) => [port, port + 10].includes(each.port))
            .map(({ flags }) => flags),
        );
      const down = expect.stringContaining("s_down") as string;
      await expect.poll(seen, { timeout: 20_000 }).toEqual([down, down, down, down]);
      expect(await withConnection(cluster.endpoint(rest), (redis) => redis.get("whose"))).toBe("ours");
      expect(await impostor("GET", "whose")).toBe("foreign");
      expect(await impostor("ROLE")).toMatch(/^master,\d+,$/);
      await stop();
      for (const name of [node, master]) cluster.startAgent(name);
      expect(await cluster.master()).toBe(rest);
      for (const name of cluster.cluster.names)
        expect(await withConnection(cluster.endpoint(name), (redis) => redis.get("whose")), name).toBe("ours");
    } finally {
      await stop();
      await other.remove();
    }
  });
});
