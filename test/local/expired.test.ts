import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withConnection } from "../../cluster/connection.ts";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { threeNodes } from "../support/checkout.ts";
import { expiredCertificate } from "../support/dated-certificate.ts";

/** Certificates on their last day, which nobody has renewed. The steps build on each other. */
describe.sequential("a certificate that expires", () => {
  let cluster: AppliedCluster;
  let ca: string;
  beforeAll(async () => {
    cluster = await AppliedCluster.start(threeNodes("local", 17_940));
    ca = cluster.cluster.logins.tls?.authority ?? "";
  });
  afterAll(() => cluster?.remove());

  const stored = (name: string): string => path.join(cluster.checkout.store("local"), name);
  const readStored = (name: string): string => fs.readFileSync(stored(name), "utf8");
  const pidsOf = (...nodes: string[]): number[] =>
    nodes.flatMap((node) => [cluster.pid(node, "redis"), cluster.pid(node, "sentinel")]);
  const kept = (node: string): Promise<string | null> =>
    withConnection(cluster.endpoint(node), (redis) => redis.get("kept"));
  /** Shows the node's certificate to whoever connects, as `openssl s_client` would. */
  const problemOf = (node: string): Promise<string> =>
    new Promise((resolve) => {
      const { port } = cluster.endpoint(node);
      const socket = tls.connect({ host: "127.0.0.1", port, ca }, () => resolve("none"));
      socket.on("error", ({ message }: Error) => resolve(message)).on("close", () => socket.destroy());
    });

  /** From now on all that runs of these nodes has a certificate that has expired, and no connection has lasted. @returns when */
  async function expire(...nodes: string[]): Promise<string> {
    const authority = { certificate: ca, key: readStored("tls/ca.key") };
    const login = { username: "admin", password: readStored("users/admin") };
    const open = await Promise.all(
      nodes.map(async (node) => {
        const redis = new Redis({
          ...{ host: "127.0.0.1", port: cluster.endpoint(node).port, tls: { ca }, ...login },
          retryStrategy: () => null,
        });
        redis.on("error", () => undefined);
        await redis.ping();
        return { node, redis };
      }),
    );
    let expiry = "";
    for (const { node, redis } of open) {
      const names = { dns: [node, "localhost"], addresses: ["127.0.0.1"] };
      const certificate = await expiredCertificate(authority, names, readStored(`tls/nodes/${node}.key`));
      expiry = new X509Certificate(certificate).validTo;
      fs.writeFileSync(stored(`tls/nodes/${node}.crt`), certificate);
      const { secrets } = cluster.folder(node);
      const share = JSON.parse(fs.readFileSync(secrets, "utf8")) as { tls: { certificate: string } };
      fs.writeFileSync(secrets, JSON.stringify({ ...share, tls: { ...share.tls, certificate } }));
      const shown = path.join(path.dirname(secrets), "node.crt");
      fs.writeFileSync(shown, certificate);
      await redis.config("SET", "tls-cert-file", shown);
    }
    for (const { node } of open) await cluster.crash(node, "sentinel");
    for (const { redis } of open) {
      for (const type of ["normal", "replica", "pubsub"]) await redis.call("CLIENT", "KILL", "TYPE", type);
      redis.disconnect();
    }
    return expiry;
  }
  const verify = async (): Promise<string> => (await cluster.redisHa("verify")).all;
  const silent = (node: string): string =>
    `${node} does not answer at 127.0.0.1:${cluster.endpoint(node).port}: its certificate has expired; renew it`;

  it("replaces a master, is named by verify, and is mended with a new one; nobody else is restarted", async () => {
    const node = await cluster.master();
    const others = await cluster.replicas();
    await withConnection(cluster.endpoint(node), (redis) => redis.set("kept", "one"));
    const expiry = await expire(node);

    const master = await cluster.cluster.masterOtherThan(node);
    expect(await kept(master)).toBe("one");
    // For a moment it is down, ended by its agent for the sake of its clients.
    await expect.poll(verify, { timeout: 30_000 }).toContain(silent(node));
    expect(await problemOf(node)).toContain("certificate has expired");
    const said = await verify();
    expect(said).toContain(`${node}: its certificate has expired on ${expiry}`);
    expect(said).toContain("-> renew it (docs/security.md), and npx redis-ha converge --env local");
    for (const other of others) expect(said).not.toContain(`${other} does not answer`);

    const before = pidsOf(...others);
    const converged = await cluster.redisHa("converge");
    expect(converged.code, converged.all).toBe(0);
    expect(converged.all).toContain("redis restarted (its certificate had expired)");
    await cluster.verified();
    expect(pidsOf(...others)).toEqual(before);
    expect(await kept(node)).toBe("one");
  });

  it("of all nodes at the same time stops the cluster, and one converge brings it back with its data", async () => {
    const [master, nodes] = [await cluster.master(), cluster.cluster.names];
    await withConnection(cluster.endpoint(master), (redis) => redis.set("kept", "all"));
    await expire(...nodes);
    const said = await verify();
    for (const node of nodes) expect(said).toContain(silent(node));

    const converged = await cluster.redisHa("converge");
    expect(converged.code, converged.all).toBe(0);
    for (const node of nodes) {
      expect(converged.all).toMatch(new RegExp(`${node}: .*redis restarted \\(its certificate had expired\\)`));
      expect(await problemOf(node)).toBe("none");
    }
    await cluster.verified();
    for (const node of nodes) expect(await kept(node), node).toBe("all");
  });
});
