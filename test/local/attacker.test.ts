import net from "node:net";
import tls from "node:tls";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisEndpoint, sentinelEndpoint } from "../../cluster/answers.ts";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { authorityCertificate, newKey, nodeCertificate } from "../../secrets/x509.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";

const ANSWER_MS = 3000;

/** Somebody who reaches the ports of a cluster that was applied as it comes, and has no secret of it. */
describe.sequential("a stranger at the ports", () => {
  let cluster: AppliedCluster;
  let ca: string;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17960));
    ca = cluster.cluster.logins.tls?.authority ?? "";
  });
  afterAll(async () => {
    if (!cluster) return;
    // Nothing that was tried has done anything.
    await cluster.verified();
    await cluster.remove();
  });

  const ports = (): Endpoint[] =>
    cluster.cluster.topology.nodes.flatMap((node) => [redisEndpoint(node), sentinelEndpoint(node)]);
  /** Sends bytes over a connection that is open, and returns what comes until it is closed, or for a while. */
  const sent = (socket: net.Socket, ready: "connect" | "secureConnect", bytes: string): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      const end = (why: string): void => {
        socket.destroy();
        resolve(text + why);
      };
      socket.setTimeout(ANSWER_MS, () => end(" (no answer)"));
      socket.on(ready, () => socket.write(bytes));
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", (error: Error) => end(` (${error.message})`));
      socket.on("close", () => end(""));
    });
  const overTls = ({ address: host, port }: Endpoint, bytes: string, options: tls.ConnectionOptions = {}) =>
    sent(tls.connect({ host, port, ca, ...options }), "secureConnect", bytes);
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

  it("brings nothing down with what is no request, or one that has no end", async () => {
    const pids = (): number[] =>
      cluster.cluster.names.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
    const before = pids();
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
      const flood = Array.from({ length: 200 }, () => overTls(endpoint, "PING\r\n"));
      expect((await Promise.all(flood)).every((answer) => answer.startsWith("-NOAUTH"))).toBe(true);
    }
    expect(pids()).toEqual(before);
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
    }
  });
});
