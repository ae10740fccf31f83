import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { noteHostKeys } from "../../remote/host-keys.ts";
import { ssmClient } from "../../secrets/ssm-client.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { temporaryFolder } from "../support/synth.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: the keys that machines say they have: ${none}\n`);

const region = "eu-central-1";
const at = "/ssh-host-keys/redis-ha/prod";
const reach = {
  user: "admin",
  port: 22,
  knownHostsFile: ".state/prod/known_hosts",
  hostKeys: { region, path: at },
};
const [one, other] = ["AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN", "AAAAC3NzaC1lZDI1NTE5AAAAIBBBBB"].map(
  (key) => `ssh-ed25519 ${key}`,
);

describe.skipIf(none !== undefined)("the keys that a machine says it has", () => {
  let moto: Moto;
  let root: string;
  // The first time, moto is installed.
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

  const say = async (address: string, Value: string): Promise<void> => {
    const { sdk, client } = await ssmClient(region);
    await client.send(
      new sdk.PutParameterCommand({ Name: `${at}/${address}`, Value, Type: "String", Overwrite: true }),
    );
  };
  const known = (): string => fs.readFileSync(path.join(root, reach.knownHostsFile), "utf8");
  const note = (address: string, anew = false): Promise<boolean> => noteHostKeys(address, reach, root, anew);

  it("are noted for its address, beside those of others, for nobody else to read", async () => {
    await say("10.0.1.10", `${one}\nssh-rsa AAAAB3Nza\n`);
    await say("10.0.2.10", `${other}\n`);
    expect(await note("10.0.1.10")).toBe(true);
    expect(await note("10.0.2.10")).toBe(true);
    expect(known()).toBe(`10.0.1.10 ${one}\n10.0.1.10 ssh-rsa AAAAB3Nza\n10.0.2.10 ${other}\n`);
    expect(fs.statSync(path.join(root, reach.knownHostsFile)).mode & 0o777).toBe(0o600);
  });

  it("are asked for once, and again only when they are others now", async () => {
    await say("10.0.1.10", `${one}\n`);
    await note("10.0.1.10");
    await say("10.0.1.10", `${other}\n`);
    expect(await note("10.0.1.10")).toBe(false);
    expect(known()).toBe(`10.0.1.10 ${one}\n`);
    expect(await note("10.0.1.10", true)).toBe(true);
    expect(known()).toBe(`10.0.1.10 ${other}\n`);
    expect(await note("10.0.1.10", true)).toBe(false);
  });

  it("are none yet while it boots, and nothing is noted then", async () => {
    expect(await note("10.0.1.10")).toBe(false);
    expect(() => known()).toThrow("ENOENT");
  });

  it("are taken for nothing else than keys", async () => {
    await say("10.0.1.10", `${one}\n* ssh-ed25519 AAAA`);
    await expect(note("10.0.1.10")).rejects.toThrow(`${at}/10.0.1.10 has something else than ssh keys`);
    expect(() => known()).toThrow("ENOENT");
  });
});
