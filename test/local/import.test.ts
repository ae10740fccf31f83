import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppliedCluster } from "../support/applied-cluster.ts";
import { type Checkout, threeNodes } from "../support/checkout.ts";
import { type Made, opensslCertificate } from "../secrets/openssl.ts";

const rsa = ["rsa:2048"];
const ca = ["basicConstraints=critical,CA:TRUE"];

/** An authority whose key the project never sees. */
describe.sequential("a cluster with certificates that were brought", () => {
  let cluster: AppliedCluster;
  let root: Made;
  let middle: Made;
  /** As a user has them: files beside the checkout. @returns the paths by what they are */
  const files = (checkout: Checkout, texts: Readonly<Record<string, string>>): string[] =>
    Object.entries(texts).flatMap(([option, text]) => {
      const file = path.join(path.dirname(checkout.root), option);
      fs.writeFileSync(file, text, { mode: 0o600 });
      return [`--${option}`, file];
    });
  const bring = async (checkout: Checkout, ...args: string[]): Promise<string> => {
    const { code, all } = await checkout.redisHa("secrets", "import", "--env", "local", ...args);
    expect(code, all).toBe(0);
    return all;
  };
  const certificateFor = async (node: string, algorithm?: string[], days?: number, issuer = middle) => {
    const names = [`subjectAltName=DNS:${node},DNS:localhost,IP:127.0.0.1`];
    const { certificate, key } = await opensslCertificate(node, names, issuer, algorithm, days);
    return { certificate: certificate + issuer.certificate, key };
  };

  beforeAll(async () => {
    root = await opensslCertificate("root", ca, undefined, rsa, 90);
    middle = await opensslCertificate("middle", ca, root, undefined, 80);
    cluster = await AppliedCluster.start(threeNodes("local", 18640), "apply", async (checkout) => {
      expect(await bring(checkout, ...files(checkout, { authority: root.certificate }))).toContain(
        "- redis-b, naming DNS redis-b, localhost and IP 127.0.0.1",
      );
      // Of both kinds in one cluster.
      for (const [node, kind] of [["redis-a", rsa], ["redis-b"], ["redis-c", rsa]] as const)
        await bring(checkout, "--node", node, ...files(checkout, await certificateFor(node, kind && [...kind])));
    });
  });
  afterAll(() => cluster?.remove());

  it("starts, and everything holds that holds with its own", async () => {
    expect(fs.existsSync(path.join(cluster.checkout.store("local"), "tls", "ca.key"))).toBe(false);
    await cluster.verified();
    const { stdout } = await cluster.checkout.redisHa("connect", "--exec", "--", "set", "greeting", "hello");
    expect(stdout).toBe("OK");
  });

  it("gets a renewed certificate while it runs: no redis-server is restarted, and verify knows when it is too short", async () => {
    const pids = (): number[] => cluster.cluster.names.map((node) => cluster.pid(node, "redis"));
    const validTo = async (): Promise<string> => {
      const { stdout } = await cluster.checkout.redisHa("status", "--json");
      const { nodes } = JSON.parse(stdout) as { nodes: { name: string; certificate: { validTo: string } }[] };
      return nodes.find(({ name }) => name === "redis-b")?.certificate.validTo ?? "";
    };
    const daysLeft = async (): Promise<number> => Math.floor((Date.parse(await validTo()) - Date.now()) / 86_400_000);
    const before = pids();
    const renew = async (days: number, issuer = middle): Promise<void> => {
      const made = files(cluster.checkout, await certificateFor("redis-b", rsa, days, issuer));
      await bring(cluster.checkout, "--node", "redis-b", ...made);
      const { code, all } = await cluster.redisHa("converge");
      expect(code, all).toBe(0);
      expect(all).toContain("redis-b: secrets changed, redis: certificates read");
    };
    const wrong = async (): Promise<string> => {
      const { stdout } = await cluster.redisHa("verify", "--json");
      const { checks } = JSON.parse(stdout) as { checks: { id: string; holds: boolean; message: string }[] };
      return checks.find(({ id, holds }) => id === "certificate" && !holds)?.message ?? "";
    };
    await renew(10);
    expect(await daysLeft()).toBe(9);
    expect(await wrong()).toContain("redis-b: its certificate expires on");
    await renew(70, await opensslCertificate("soon", ca, root, rsa, 10));
    expect(await daysLeft()).toBe(69);
    expect(await wrong()).toContain("redis-b: CN=soon, above its certificate, expires on");
    await renew(60);
    expect(await daysLeft()).toBe(59);
    await cluster.verified();
    expect(pids()).toEqual(before);
  });

  it("refuses another authority while it runs", async () => {
    const other = await opensslCertificate("other", ca);
    const made = files(cluster.checkout, { authority: other.certificate, "authority-key": other.key });
    const { code, all } = await cluster.redisHa("secrets", "import", ...made);
    expect(code).toBe(1);
    expect(all).toContain("redis-a has been applied, with another authority than this one");
    await cluster.verified();
  });
});
