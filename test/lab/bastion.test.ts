import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ansibleInventory } from "../../cli/ansible-inventory.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import type { Reach } from "../../remote/reach.ts";
import { Ssh } from "../../remote/ssh.ts";
import { ssmClient } from "../../secrets/ssm-client.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { downLab, Lab } from "../../tools/lab/lab.ts";
import { inNamespace } from "../../tools/lab/network.ts";
import { awsInput } from "../environments/inputs.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { temporaryFolder } from "../support/synth.ts";

const none = await whyNoMoto();
if (none !== undefined) console.warn(`\nNOT TESTED: the way through a bastion: ${none}\n`);

const name = "test-bastion";
const [nodeAt, bastionAt, otherAt, nobodyAt] = ["10.77.0.11", "10.77.0.12", "10.77.0.13", "10.77.0.99"] as const;

/** redis-b plays the bastion of the two others, and moto plays Parameter Store. */
const describeWithBoth = none === undefined ? describeWithHosts : describe.skip;
describeWithBoth("hosts behind a bastion", { timeout: 60_000 }, () => {
  let lab: Lab;
  let moto: Moto;
  let root: string;
  beforeAll(async () => {
    await downLab(name);
    [lab, moto] = await Promise.all([Lab.up({ name }), startMoto()]);
  }, 300_000);
  afterAll(async () => {
    await Promise.all([lab?.down(), moto?.stop()]);
  });

  beforeEach(async () => {
    await moto.reset();
    // Connections are shared by checkout: each test has its own.
    root = path.join(await temporaryFolder(), "a checkout");
    const programs = path.join(root, "programs");
    fs.mkdirSync(programs, { recursive: true });
    const [program, ...words] = inNamespace(lab.record.control, ["/usr/bin/ssh"]);
    fs.writeFileSync(path.join(programs, "ssh"), `#!/bin/sh\nexec ${[program, ...words].join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${programs}:${process.env["PATH"]}`);
    for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SSM"]) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_ENDPOINT_URL", moto.url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    for (const [address, host] of [
      [nodeAt, "redis-a"],
      [otherAt, "redis-c"],
      ["bastion", "redis-b"],
    ] as const)
      await say(address, keyOf(host));
    await say("bastion-address", bastionAt);
    return () => vi.unstubAllEnvs();
  });

  const environment = parseEnvironment(
    Object.assign(awsInput(), { target: { ...awsInput().target, bastion: { cidrs: ["203.0.113.0/24"] } } }),
  );
  const described = inventoryOf([environment]).environments["prod"];
  if (!described?.reach) throw new Error("no prod");
  const reach = (): Reach => ({
    ...(described.reach as Reach),
    identityFile: path.join(lab.record.folder, "id_ed25519"),
  });

  const say = async (what: string, Value: string): Promise<void> => {
    const { sdk, client } = await ssmClient("eu-central-1");
    const Name = `/ssh-host-keys/redis-ha/prod/${what}`;
    await client.send(new sdk.PutParameterCommand({ Name, Value, Type: "String", Overwrite: true }));
  };
  const keyOf = (host: string): string => {
    const lines = fs.readFileSync(path.join(lab.record.folder, "known_hosts"), "utf8").split("\n");
    return (
      lines
        .find((line) => line.startsWith(`${host},`))
        ?.replace(/^\S+ /, "")
        .replace(/ \S+$/, "") ?? ""
    );
  };
  /** As if it had been noted before. */
  const note = (file: string, text: string): void => {
    fs.mkdirSync(path.join(root, ".state/prod"), { recursive: true });
    fs.writeFileSync(path.join(root, ".state/prod", file), `${text}\n`);
  };
  const noted = (file: string): string => fs.readFileSync(path.join(root, ".state/prod", file), "utf8");
  const run = async (address: string, command: string, change: Partial<Reach> = {}): Promise<string> =>
    (await new Ssh(address, { ...reach(), ...change }, root).run(command, { timeoutMs: 40_000 })).stdout.trim();
  const whoComes = "echo $(hostname) ${SSH_CONNECTION%% *}";

  it("are reached through it by nothing but the description, several at once by one connection to it", async () => {
    expect(await run(nodeAt, whoComes)).toBe(`redis-a ${bastionAt}`);
    expect(await run(otherAt, whoComes)).toBe(`redis-c ${bastionAt}`);
    expect(noted("bastion")).toBe(`${bastionAt}\n`);
    expect(noted("known_hosts")).toContain(`bastion ${keyOf("redis-b")}\n`);
    // And the one that asks.
    const open = await lab.ssh("redis-b", "ss -tnH state established '( sport = :22 )' | grep -c '10.77.0.1:'");
    expect(open.trim()).toBe("2");
  });

  it("are reached when another bastion has its place: with other keys, or at another address, also all at once", async () => {
    note("known_hosts", `bastion ${keyOf("redis-c")}`);
    note("bastion", bastionAt);
    expect(await run(nodeAt, whoComes)).toBe(`redis-a ${bastionAt}`);
    expect(noted("known_hosts")).not.toContain(`bastion ${keyOf("redis-c")}`);
    root = path.join(root, "another checkout");
    note("bastion", nobodyAt);
    expect(await Promise.all([nodeAt, otherAt].map((address) => run(address, "hostname")))).toEqual([
      "redis-a",
      "redis-c",
    ]);
    expect(noted("bastion")).toBe(`${bastionAt}\n`);
  });

  it("are not reached through somebody else in its place", async () => {
    await say("bastion", keyOf("redis-c"));
    await expect(run(nodeAt, "true")).rejects.toThrow(
      /admin@10\.77\.0\.11: the bastion has another key than it has said in Parameter Store \(\/ssh-host-keys\/redis-ha\/prod\/bastion\)\. Nothing was sent/,
    );
    await say("bastion", "ssh-rsa AAAAB3NzaC1yc2E=");
    root = path.join(root, "another checkout");
    await expect(run(nodeAt, "true")).rejects.toThrow("the bastion shows a key that it has not said");
  });

  it("have their own keys checked behind it", async () => {
    await say(nodeAt, keyOf("redis-c"));
    await expect(run(nodeAt, "true")).rejects.toThrow(
      "admin@10.77.0.11: the machine has another key than it has said in Parameter Store (/ssh-host-keys/redis-ha/prod/10.77.0.11)",
    );
  });

  it("say which of the two cannot be reached, or lets nobody in", async () => {
    await expect(run(nodeAt, "true", { user: "nobody" })).rejects.toThrow(
      /nobody@10\.77\.0\.11: the bastion 10\.77\.0\.12 does not take the key .* for nobody/,
    );
    await expect(run(nobodyAt, "true")).rejects.toThrow(/admin@10\.77\.0\.99: cannot be reached: .*Is it off/);
    await say("bastion-address", nobodyAt);
    root = path.join(root, "another checkout");
    await expect(run(nodeAt, "true")).rejects.toThrow(
      /the bastion cannot be reached: ssh: connect to host 10\.77\.0\.99 .* It lets in nobody but target\.bastion\.cidrs/,
    );
  });

  it("are nowhere while there is no bastion, and its address is taken for nothing else", async () => {
    await moto.reset();
    await expect(run(nodeAt, "true")).rejects.toThrow("there is no bastion: eu-central-1 has no /ssh-host-keys/");
    await say("bastion-address", "-oProxyCommand=x");
    await expect(run(nodeAt, "true")).rejects.toThrow("bastion-address has something else than an address");
    expect(fs.existsSync(path.join(root, ".state/prod/bastion"))).toBe(false);
  });

  it("are reached by the words that Ansible gets", async () => {
    await run(nodeAt, "true");
    const nodes = described.nodes.map((node) => (node.name === "redis-a" ? { ...node, address: nodeAt } : node));
    const inventory = { ...described, reach: reach(), nodes };
    const its = ansibleInventory([{ environment: "prod", inventory }], root).hostvars["redis-a.prod"] ?? {};
    const login = `-i ${String(its["ansible_ssh_private_key_file"])} -l ${String(its["ansible_user"])}`;
    const words = `ssh ${String(its["ansible_ssh_common_args"])} ${login} ${String(its["ansible_host"])}`;
    const { stdout, stderr } = spawnSync("sh", ["-c", `${words} '${whoComes}'`], { encoding: "utf8" });
    expect(stdout.trim(), stderr).toBe(`redis-a ${bastionAt}`);
  });
});
