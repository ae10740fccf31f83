import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseEnvironment } from "../../environments/parse.ts";
import { untilLetIn } from "../../remote/machine.ts";
import type { Reach } from "../../remote/reach.ts";
import { Ssh } from "../../remote/ssh.ts";
import { reachOf } from "../../stacks/reach.ts";
import { awsInput } from "../environments/inputs.ts";
import { temporaryFolder } from "../support/synth.ts";

const where = (program: string): string =>
  execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();

/** The real ssh with the real command; what it starts, AWS's own programs, is played. */
describe("the way to a machine by Session Manager", () => {
  let root: string;
  afterEach(() => vi.unstubAllEnvs());
  beforeEach(async () => {
    root = path.join(await temporaryFolder(), "a checkout");
    fs.mkdirSync(path.join(root, "remote"), { recursive: true });
    fs.mkdirSync(path.join(root, "programs"));
    fs.copyFileSync(path.resolve("remote/session-manager.sh"), path.join(root, "remote/session-manager.sh"));
    // Nothing but these: the computer may have AWS's programs.
    for (const name of ["sh", "ssh"]) fs.symlinkSync(where(name), path.join(root, "programs", name));
    vi.stubEnv("PATH", path.join(root, "programs"));
  });

  const program = (name: string, script: string): void =>
    fs.writeFileSync(path.join(root, "programs", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  /** @param machines what AWS finds */
  const aws = (machines: string): void => {
    program("session-manager-plugin", "exit 0");
    program("aws", `printf '%s\\n' "$*" >>'${root}/said'\n[ "$1" = ssm ] || printf '${machines}'`);
  };
  const said = (): string[] => fs.readFileSync(path.join(root, "said"), "utf8").trim().split("\n");
  const machine = (): Ssh => {
    const input = awsInput();
    Object.assign(input.target, { sessionManager: true });
    // Nothing is asked about keys here.
    const { user, port, knownHostsFile, proxyCommand } = reachOf(parseEnvironment(input)) as Reach;
    const reach = { user, port, knownHostsFile, proxyCommand };
    return new Ssh("10.0.1.10", reach, root);
  };
  const connect = (): Promise<string> =>
    machine()
      .run("true", { timeoutMs: 20_000 })
      .then(
        () => "reached",
        (error: Error) => error.message,
      );

  it("finds the environment's running machine that has the address, and opens a session to its ssh", async () => {
    aws("i-0123456789abcdef0\\n");
    await connect();
    const [find, session] = said();
    for (const part of [
      "ec2 describe-instances --region eu-central-1",
      "Name=private-ip-address,Values=10.0.1.10",
      "Name=tag:Project,Values=redis-ha",
      "Name=tag:Environment,Values=prod",
      "Name=instance-state-name,Values=running",
    ])
      expect(find).toContain(part);
    expect(session).toBe(
      "ssm start-session --region eu-central-1 --target i-0123456789abcdef0 --document-name AWS-StartSSHSession --parameters portNumber=22",
    );
  });

  it.each([
    ["none", ""],
    ["several", "i-0123456789abcdef0\\ti-0123456789abcdef1\\n"],
  ])("opens none where there is %s, and says so", async (_, machines) => {
    aws(machines);
    expect(await connect()).toMatch(
      /10\.0\.1\.10: cannot be reached: .*not one running machine of prod in eu-central-1 has this address/,
    );
    expect(said()).toHaveLength(1);
  });

  it.each(["aws", "session-manager-plugin"])("says that %s is missing, and what to do", async (missing) => {
    aws("i-0123456789abcdef0");
    fs.rmSync(path.join(root, "programs", missing));
    // A machine that boots is waited for, and this is not.
    await expect(untilLetIn("redis-a", machine(), () => undefined)).rejects.toThrow("not found on this computer");
    expect(await connect()).toMatch(
      new RegExp(`${missing}: not found on this computer; .*install the AWS CLI 2.* Nothing was sent`),
    );
  });

  it("passes on what AWS says against it", async () => {
    aws("");
    program("aws", "echo 'Unable to locate credentials' >&2; exit 253");
    expect(await connect()).toContain("(Unable to locate credentials)");
  });
});
