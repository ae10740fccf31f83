import fs from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Inventory, InventoryEnvironment } from "../../topology/inventory.ts";
import { redisHa as run, type Ran } from "../cli/run-cli.ts";
import { node } from "./nodes.ts";
import { filesBelow, scratch } from "./places.ts";

const described = (name: string, target: "local" | "ssh"): InventoryEnvironment => ({
  target,
  engine: "redis",
  masterName: `redis-ha-${name}`,
  quorum: 2,
  minReplicasToWrite: 1,
  secrets: { kind: "file" },
  tls: true,
  clientCertificates: target === "local",
  nodes: [node("a"), node("b")],
  stacks: [],
});

describe("redis-ha secrets", () => {
  let data: string;
  let root: string;
  const checkout = (): string => {
    const folder = scratch();
    fs.writeFileSync(path.join(folder, "cdktf.json"), "{}");
    fs.mkdirSync(path.join(folder, "cdktf.out"));
    const inventory: Inventory = {
      version: 1,
      environments: { local: described("local", "local"), hosts: described("hosts", "ssh") },
    };
    fs.writeFileSync(path.join(folder, "cdktf.out", "environments.json"), JSON.stringify(inventory));
    return folder;
  };
  const redisHa = (...args: string[]): Promise<Ran> => run(root, ["secrets", ...args], { XDG_DATA_HOME: data });
  /** Every line of every secret that nobody may see but by `show`. */
  const values = (): string[] =>
    Object.entries(filesBelow(data))
      .filter(([file]) => file.includes("/users/") || file.endsWith(".key"))
      .flatMap(([, text]) => text.split("\n"))
      .filter((line) => line !== "" && !line.startsWith("-----"));
  const expectNoValue = ({ stdout, stderr }: Ran): void => {
    expect(values().length).toBeGreaterThan(10);
    expect(values().filter((value) => `${stdout}${stderr}`.includes(value))).toEqual([]);
  };

  beforeEach(() => {
    data = path.join(scratch(), "data");
    root = checkout();
  });

  it("teaches with its help", async () => {
    const help = await redisHa("--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const word of ["init", "list", "show", "docs/security.md", "Exit codes"]) expect(help.stdout).toContain(word);
    expect((await redisHa("show", "--help")).stdout).toContain("$ npx redis-ha secrets show users/app");
  });

  it.each([
    [[]],
    [["lsit"]],
    [["show"]],
    [["show", "users/app", "users/admin"]],
    [["list", "x"]],
    [["init", "--env", "x"]],
  ])("takes %j for wrong use, on stderr, with code 2", async (args) => {
    const ran = await redisHa(...args);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).not.toBe("");
    expect(fs.existsSync(data)).toBe(false);
  });

  it("makes those of hosts by init, once, and says until then that there are none", async () => {
    const empty = await redisHa("list", "--env", "hosts");
    expect(empty).toMatchObject({ code: 0, stderr: "" });
    expect(empty.stdout).toContain("npx redis-ha secrets init --env hosts makes them");
    const none = await redisHa("show", "users/app", "--env", "hosts");
    expect(none).toMatchObject({ code: 2, stdout: "" });
    expect(none.stderr).toContain("npx redis-ha secrets init --env hosts makes them");
    expect(fs.existsSync(data)).toBe(false);

    const first = await redisHa("init", "--env", "hosts");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("made tls/nodes/redis-b.crt");
    expect(first.stdout).toContain("hosts: all secrets are there, in the folder ");
    expectNoValue(first);
    const before = filesBelow(data);
    const second = await redisHa("init", "--env", "hosts", "--json");
    expect(JSON.parse(second.stdout)).toEqual({
      version: 1,
      environment: "hosts",
      store: `the folder ${data}/cdktf-redis-ha/secrets/hosts/redis-ha-hosts`,
      made: [],
    });
    expect(filesBelow(data)).toEqual(before);
  });

  it("lists names, kinds, ages and expiry, for people and as JSON, and no value; those of this computer make themselves", async () => {
    const text = await redisHa("list");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    for (const cell of ["users/app", "password", "private key", "certificate", "in 824 days"])
      expect(text.stdout).toContain(cell);
    expect(text.stdout).toMatch(/ \d+ min /);
    expectNoValue(text);

    const json = await redisHa("list", "--json");
    expectNoValue(json);
    const document = JSON.parse(json.stdout) as { secrets: { name: string }[] };
    expect(document).toMatchObject({ version: 1, environment: "local" });
    const entry = (name: string) => document.secrets.find((each) => each.name === name);
    const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/) as string;
    expect(entry("users/app")).toEqual({ name: "users/app", kind: "password", changed: time, expires: null });
    expect(entry("tls/ca.key")).toMatchObject({ kind: "private key", expires: null });
    expect(entry("tls/nodes/redis-a.crt")).toMatchObject({ kind: "certificate", expires: time });
    expect(entry("tls/client.key")).toMatchObject({ kind: "private key", expires: null });
    expect(entry("tls/client.crt")).toMatchObject({ kind: "certificate", expires: time });
    expect(entry("revision")).toMatchObject({ kind: "number" });
    expect(document.secrets.map(({ name }) => name)).toEqual(document.secrets.map(({ name }) => name).sort());
  });

  it("shows exactly one value, with a line's end after it", async () => {
    const shown = await redisHa("show", "users/app");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^[\w-]{43}$/);
    expect(values()).toContain(shown.stdout);
    expect((await redisHa("show", "tls/client.key")).stdout).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect((await redisHa("show", "tls/ca.crt")).stdout).toMatch(
      /^-----BEGIN CERTIFICATE-----\n[^]*\n-----END CERTIFICATE-----$/,
    );
  });

  it("names the known secrets when one is not known", async () => {
    for (const name of ["users/ap", "../../x", "users"]) {
      const ran = await redisHa("show", name);
      expect(ran).toMatchObject({ code: 2, stdout: "" });
      expect(ran.stderr).toContain(`local has no secret "${name}"; it has: revision, tls/ca.crt,`);
      expectNoValue(ran);
    }
  });

  it("fails on a folder that others may read, with what mends it and without a value", async () => {
    await redisHa("init");
    const store = path.join(data, "cdktf-redis-ha", "secrets");
    const folder = path.join(store, fs.readdirSync(store)[0] ?? "", "local");
    fs.chmodSync(folder, 0o755);
    for (const args of [["init"], ["list"], ["show", "users/app"]]) {
      const ran = await redisHa(...args);
      expect(ran).toMatchObject({ code: 1, stdout: "" });
      expect(ran.stderr).toContain(`chmod 700 '${folder}'`);
      expectNoValue(ran);
    }
  });

  it("keeps those of clusters on this computer apart by checkout, and those of hosts together", async () => {
    const password = async (env: string): Promise<string> => (await redisHa("show", "users/app", "--env", env)).stdout;
    await redisHa("init", "--env", "hosts");
    const [local, hosts] = [await password("local"), await password("hosts")];
    root = checkout();
    expect(await password("hosts")).toBe(hosts);
    expect(await password("local")).toMatch(/^[\w-]{43}$/);
    expect(await password("local")).not.toBe(local);
  });
});
