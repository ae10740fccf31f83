import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { inventory } from "../../cli/inventory.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { noteWay } from "../../remote/note-way.ts";
import { ssmClient } from "../../secrets/ssm-client.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { awsInput } from "../environments/inputs.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { temporaryFolder } from "../support/synth.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: what is noted of a bastion: ${none}\n`);

const region = "eu-central-1";
const at = "/ssh-host-keys/redis-ha/prod";
const key = (end: string): string => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${end}`;

const input = awsInput();
Object.assign(input.target, { bastion: { cidrs: ["203.0.113.0/24"] } });
const synthesized = inventoryOf([parseEnvironment(input)]);
const { reach } = synthesized.environments["prod"] ?? {};
if (!reach?.hostKeys) throw new Error("no prod");
const saidKeys = { ...reach, hostKeys: reach.hostKeys };

describe.skipIf(none !== undefined)("what is noted of the way to a machine through a bastion", () => {
  let moto: Moto;
  let root: string;
  beforeAll(async () => (moto = await startMoto()), 300_000);
  afterAll(() => moto?.stop());
  beforeEach(async () => {
    await moto.reset();
    root = await temporaryFolder();
    for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SSM"]) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_ENDPOINT_URL", moto.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const say = async (parameters: Record<string, string>): Promise<void> => {
    const { sdk, client } = await ssmClient(region);
    for (const [name, Value] of Object.entries(parameters))
      await client.send(new sdk.PutParameterCommand({ Name: `${at}/${name}`, Value, Type: "String", Overwrite: true }));
  };
  const noted = (file: string): string => fs.readFileSync(path.join(root, ".state/prod", file), "utf8");
  const first = { "10.0.1.10": key("A"), bastion: key("B"), "bastion-address": "198.51.100.7" };
  const second = { "10.0.1.10": key("C"), bastion: key("D"), "bastion-address": "198.51.100.8" };

  it("is the machine's keys and the bastion's, and its address, for nobody else to read", async () => {
    await say(first);
    await noteWay("10.0.1.10", saidKeys, root);
    expect(noted("known_hosts")).toBe(`10.0.1.10 ${key("A")}\nbastion ${key("B")}\n`);
    expect(noted("bastion")).toBe("198.51.100.7\n");
    expect(fs.statSync(path.join(root, ".state/prod/bastion")).mode & 0o777).toBe(0o600);
  });

  it("is asked for once, and anew of the place that may be another one alone", async () => {
    await say(first);
    await noteWay("10.0.1.10", saidKeys, root);
    await say(second);
    await noteWay("10.0.1.10", saidKeys, root);
    expect(noted("bastion")).toBe("198.51.100.7\n");
    await noteWay("10.0.1.10", saidKeys, root, "bastion");
    expect(noted("known_hosts")).toBe(`10.0.1.10 ${key("A")}\nbastion ${key("D")}\n`);
    expect(noted("bastion")).toBe("198.51.100.8\n");
    await noteWay("10.0.1.10", saidKeys, root, "host");
    expect(noted("known_hosts")).toBe(`bastion ${key("D")}\n10.0.1.10 ${key("C")}\n`);
  });

  it("is no host that becomes an argument of ssh, and nothing where there is no bastion", async () => {
    await expect(noteWay("10.0.1.10", saidKeys, root)).rejects.toThrow(`no ${at}/bastion-address`);
    for (const other of ["-oProxyCommand=x", "198.51.100.7 x", "jump.example"]) {
      await say({ "bastion-address": other });
      await expect(noteWay("10.0.1.10", saidKeys, root)).rejects.toThrow("something else than an address");
    }
    expect(fs.existsSync(path.join(root, ".state/prod/bastion"))).toBe(false);
  });

  it("is there when Ansible gets its inventory; where it cannot be had, the inventory is printed with a word about it", async () => {
    const print = (stream: "stdout" | "stderr"): string[] => {
      const lines: string[] = [];
      vi.spyOn(process[stream], "write").mockImplementation((text) => (lines.push(String(text)), true));
      return lines;
    };
    const [out, told] = [print("stdout"), print("stderr")];
    expect(await inventory(synthesized, root, { ansible: true, env: "prod", host: "redis-a.prod" })).toBe(0);
    expect(told.join("")).toContain("redis-ha: prod: ssh may not get to its machines: there is no bastion");
    expect(JSON.parse(out.join(""))).toMatchObject({ ansible_host: "10.0.1.10" });
    await say(first);
    told.length = 0;
    expect(await inventory(synthesized, root, { ansible: true, env: "prod", host: "redis-a.prod" })).toBe(0);
    expect(told).toEqual([]);
    expect(noted("bastion")).toBe("198.51.100.7\n");
    expect(noted("known_hosts")).toContain(`10.0.1.10 ${key("A")}\n`);
  });
});
