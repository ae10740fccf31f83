import fs from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Inventory } from "../../topology/inventory.ts";
import { redisHa as run, type Ran } from "../cli/run-cli.ts";
import { node } from "./nodes.ts";
import { opensslCertificate } from "./openssl.ts";
import { filesBelow, scratch } from "./places.ts";

const names = z.array(z.string());
const importSchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  store: z.string(),
  stored: names,
  removed: names,
  missing: z.array(z.strictObject({ node: z.string(), dns: names, addresses: names })),
  missingForClients: z.boolean(),
});

describe("redis-ha secrets import", () => {
  let root: string;
  let data: string;
  beforeEach(() => {
    root = scratch();
    data = path.join(scratch(), "data");
    fs.writeFileSync(path.join(root, "cdktf.json"), "{}");
    fs.mkdirSync(path.join(root, "cdktf.out"));
    const inventory: Inventory = {
      version: 1,
      environments: {
        local: {
          target: "local",
          engine: "redis",
          masterName: "redis-ha-local",
          quorum: 2,
          minReplicasToWrite: 1,
          secrets: { kind: "file" },
          tls: true,
          clientCertificates: true,
          nodes: [node("a"), node("b")],
          stacks: [],
        },
      },
    };
    fs.writeFileSync(path.join(root, "cdktf.out", "environments.json"), JSON.stringify(inventory));
  });
  const places = (): Record<string, string> => ({ XDG_DATA_HOME: data, XDG_STATE_HOME: path.join(data, "state") });
  const imports = (...args: string[]): Promise<Ran> => run(root, ["secrets", "import", ...args], places());
  const file = (name: string, text: string, mode = 0o600): string => {
    const at = path.join(root, name);
    fs.writeFileSync(at, text, { mode });
    return at;
  };

  it("teaches with its help", async () => {
    const { code, stdout } = await imports("--help");
    expect(code).toBe(0);
    for (const words of [
      "--authority-key <file>",
      "--env lab --node redis-a --certificate a.crt --key a.key",
      "serverAuth",
    ])
      expect(stdout).toContain(words);
  });

  it.each<[string[], string]>([
    [[], "nothing to import; add --authority FILE, or --node NAME"],
    [["--authority-key", "x"], "--authority-key needs --authority"],
    [["--node", "redis-a", "--key", "x"], "--node or --clients, --certificate and --key go together"],
    [["--certificate", "x", "--key", "x"], "--node or --clients, --certificate and --key go together"],
    [["--clients", "--certificate", "x"], "--node or --clients, --certificate and --key go together"],
    [["--clients", "--node", "redis-a", "--certificate", "x", "--key", "x"], "--node and --clients exclude each other"],
    [["--node", "redis-z", "--certificate", "x", "--key", "x"], 'local has no node "redis-z"'],
    [["--authority", "nowhere.crt"], "--authority nowhere.crt: the file cannot be read (ENOENT)"],
  ])("takes %j for wrong use", async (args, words) => {
    const ran = await imports(...args);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(words);
    expect(fs.existsSync(data)).toBe(false);
  });

  it("stores what fits, says what is missing, and keeps its contract; no key is shown", async () => {
    const made = await opensslCertificate("root", ["basicConstraints=critical,CA:TRUE"]);
    const authority = ["--authority", file("ca.crt", made.certificate)];
    const { code, stdout, stderr } = await imports(...authority, "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const missing = (letter: string) => ({
      node: `redis-${letter}`,
      dns: [`redis-${letter}`, "localhost"],
      addresses: ["127.0.0.1"],
    });
    const document = importSchema.parse(JSON.parse(stdout));
    expect(document).toMatchObject({ stored: ["tls/ca.crt"], removed: [], missing: [missing("a"), missing("b")] });

    const text = await imports(...authority);
    expect(text.stdout).toContain("- redis-b, naming DNS redis-b, localhost and IP 127.0.0.1");
    expect(text.stdout).toContain("then: npx redis-ha secrets import --env local --node redis-a --certificate FILE");

    const withKey = await imports(...authority, "--authority-key", file("ca.key", made.key, 0o644));
    expect(withKey.code).toBe(0);
    expect(withKey.stderr).toBe(
      `--authority-key ${root}/ca.key: others on this computer may read it; chmod 600 ${root}/ca.key, and use another key if somebody has`,
    );
    expect(withKey.stdout).toContain("stored tls/ca.key\n");
    for (const said of [stdout, text.stdout, withKey.stdout, withKey.stderr])
      for (const line of made.key.split("\n").slice(1, -2)) expect(said).not.toContain(line);
    const shown = await run(root, ["secrets", "show", "tls/ca.crt"], places());
    expect(shown.stdout).toBe(made.certificate.trim());
    const docs = fs.readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
    const section = docs.split("\n## ").find((each) => each.startsWith("`redis-ha secrets import --json`")) ?? "";
    expect([...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name)).toEqual([
      ...Object.keys(importSchema.shape),
      ...Object.keys(importSchema.shape.missing.element.shape),
    ]);
  });

  it("takes what clients show, where the authority's key stays elsewhere", async () => {
    const [ca, other] = await Promise.all(
      ["ca", "other"].map((name) => opensslCertificate(name, ["basicConstraints=critical,CA:TRUE"])),
    );
    const client = (issuer: typeof ca, usage: string, ...algorithm: string[]) =>
      opensslCertificate(
        "clients",
        [`extendedKeyUsage=${usage}`],
        issuer,
        algorithm.length > 0 ? algorithm : undefined,
      );
    const forClients = (made: { certificate: string; key: string }): string[] => [
      ...["--clients", "--certificate", file("c.crt", made.certificate), "--key", file("c.key", made.key)],
    ];
    const without = await imports("--authority", file("ca.crt", ca!.certificate));
    expect(without.stdout).toContain(
      "With one for clientAuth: npx redis-ha secrets import --env local --clients --certificate FILE --key FILE",
    );
    for (const [made, words] of [
      [await client(other, "clientAuth"), "no authority of the authority's file has signed the certificate"],
      [await client(ca, "serverAuth"), "the certificate is not for clientAuth; issue one that is"],
      [{ ...(await client(ca, "clientAuth")), key: other!.key }, "the key is not the one of the certificate"],
      [await client(ca, "clientAuth", "rsa:1024"), "OpenSSL refuses it: ee key too small"],
    ] as const) {
      const refused = await imports(...forClients(made));
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain(words);
    }
    const ran = await imports(...forClients(await client(ca, "clientAuth")), "--json");
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      stored: ["tls/client.crt", "tls/client.key"],
      missingForClients: false,
    });
  });

  it("stores nothing that does not fit, with code 1", async () => {
    const made = await opensslCertificate("server", ["basicConstraints=CA:FALSE"]);
    const ran = await imports("--authority", file("ca.crt", made.certificate));
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain('"CN=server" is not the certificate of an authority (CA:TRUE)');
    expect(filesBelow(root)).not.toHaveProperty("data");
    expect(fs.existsSync(data)).toBe(false);
  });
});
