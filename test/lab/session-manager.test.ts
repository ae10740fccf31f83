import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import type { Reach } from "../../remote/reach.ts";
import { Ssh } from "../../remote/ssh.ts";
import { reachOf } from "../../stacks/reach.ts";
import { downLab, Lab } from "../../tools/lab/lab.ts";
import { inNamespace } from "../../tools/lab/network.ts";
import { controlAddress } from "../../tools/lab/records.ts";
import { awsInput } from "../environments/inputs.ts";
import { describeWithHosts } from "../support/debian-hosts.ts";
import { type Moto, startMoto, whyNoMoto } from "../support/moto.ts";
import { awsPrograms } from "../support/session-manager/programs.ts";

const name = "test-session";
const [machineAt, nobodyAt] = ["10.77.0.11", "10.77.0.12"] as const;
const ports = { moto: 5000, sessions: 5001 };

const programs = await whyNoMoto()
  .then((why) => (why === undefined ? awsPrograms() : Promise.reject(new Error(why))))
  .catch((error: Error) => error);
if (programs instanceof Error) console.warn(`\nNOT TESTED: ssh by Session Manager: ${programs.message}\n`);
const describeWithPrograms = programs instanceof Error ? describe.skip : describeWithHosts;

/**
 * ssh through AWS's own command line and its own plug-in. moto finds the machine, and test/support/session-manager/service.ts plays
 * Session Manager and the agent on the machine.
 */
describeWithPrograms("a machine behind Session Manager", { timeout: 60_000 }, () => {
  let lab: Lab;
  let moto: Moto;
  let sessions: ChildProcess | undefined;
  let root: string;
  const inLab = (...command: string[]): string[] => inNamespace(lab.record.control, command);

  beforeAll(async () => {
    await downLab(name);
    lab = await Lab.up({ name, hosts: 1 });
    moto = await startMoto({}, { command: (line) => inLab(...line), address: "127.0.0.1", port: ports.moto });
    root = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "rha-session-")), "a checkout");
    fs.mkdirSync(path.join(root, "remote"), { recursive: true });
    fs.copyFileSync(path.resolve("remote/session-manager.sh"), path.join(root, "remote/session-manager.sh"));
    fs.mkdirSync(path.join(root, "programs"));
    const [program, ...words] = inLab("/usr/bin/ssh");
    fs.writeFileSync(path.join(root, "programs/ssh"), `#!/bin/sh\nexec ${[program, ...words].join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${root}/programs:${String(programs)}:${process.env["PATH"]}`);
    for (const each of ["AWS_PROFILE", "AWS_SESSION_TOKEN"]) vi.stubEnv(each, undefined);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    vi.stubEnv("AWS_ENDPOINT_URL", moto.url);
    vi.stubEnv("AWS_ENDPOINT_URL_SSM", `http://127.0.0.1:${ports.sessions}`);
    const machine = await machineOf("prod");
    await machineOf("staging");
    sessions = await sessionsTo({ [machine]: machineAt });
  }, 300_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    sessions?.kill("SIGKILL");
    await moto?.stop();
    await lab?.down();
    if (root) fs.rmSync(path.dirname(root), { recursive: true, force: true });
  });

  /** @returns its id */
  async function machineOf(environment: string): Promise<string> {
    const tags = `{Key=Project,Value=redis-ha},{Key=Environment,Value=${environment}}`;
    const { stdout } = await lab.exec(
      [
        ...[path.join(String(programs), "aws"), "ec2", "run-instances", "--region", "eu-central-1"],
        ...["--image-id", "ami-0123456789abcdef0", "--private-ip-address", machineAt, "--output", "text"],
        ...["--tag-specifications", `ResourceType=instance,Tags=[${tags}]`, "--query", "Instances[0].InstanceId"],
      ],
      { env: { ...process.env } },
    );
    return stdout.trim();
  }

  async function sessionsTo(machines: Readonly<Record<string, string>>): Promise<ChildProcess> {
    const settings = JSON.stringify({ port: ports.sessions, machines });
    const service = path.resolve("test/support/session-manager/service.ts");
    const [program = "", ...args] = inLab(process.execPath, "--import", "tsx", service, settings);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  }

  const ssh = (address: string): Ssh => {
    const input = awsInput();
    Object.assign(input.target, { sessionManager: true });
    // What the machine says of its keys is another test's.
    const { user, port, proxyCommand } = reachOf(parseEnvironment(input)) as Reach;
    const folder = lab.record.folder;
    const files = { identityFile: path.join(folder, "id_ed25519"), knownHostsFile: path.join(folder, "known_hosts") };
    return new Ssh(address, { user, port, proxyCommand, ...files }, root);
  };

  it("is reached by nothing but its address, and knows nobody but who opens the session there", async () => {
    const { stdout } = await ssh(machineAt).run("echo $(hostname) ${SSH_CONNECTION%% *}", { timeoutMs: 40_000 });
    expect(stdout.trim()).toBe(`redis-a ${controlAddress}`);
  });

  it("gets all that is sent, and gives it back", async () => {
    const input = randomBytes(2_000_000).toString("base64");
    const { stdout } = await ssh(machineAt).run("tee /dev/stderr 2>/tmp/it", { input, timeoutMs: 60_000 });
    const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
    expect(hash(stdout)).toBe(hash(input));
    expect(await lab.ssh("redis-a", "sha256sum </tmp/it")).toContain(hash(input));
  });

  it("is not found where it is not, and nothing is sent", async () => {
    await expect(ssh(nobodyAt).run("true", { timeoutMs: 40_000 })).rejects.toThrow(
      /10\.77\.0\.12: cannot be reached: .*not one running machine of prod in eu-central-1 has this address.*Nothing was sent/,
    );
  });
});
