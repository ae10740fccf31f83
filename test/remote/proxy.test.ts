import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ansibleInventory } from "../../cli/ansible-inventory.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { proxyOption } from "../../remote/proxy.ts";
import type { Reach } from "../../remote/reach.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { reachOf } from "../../stacks/reach.ts";
import { awsInput } from "../environments/inputs.ts";
import { temporaryFolder } from "../support/synth.ts";

const environment = () => {
  const input = awsInput();
  Object.assign(input.target, { bastion: { cidrs: ["203.0.113.0/24"] }, identityFile: "keys/id" });
  return parseEnvironment(input);
};
const ssh = spawnSync("sh", ["-c", "command -v ssh"], { encoding: "utf8" }).stdout.trim();

describe("the way through a bastion, as ssh takes it", () => {
  let root: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    root = path.join(await temporaryFolder(), `it's a "100%C" checkout`);
    const programs = path.join(root, "programs");
    fs.mkdirSync(programs, { recursive: true });
    fs.mkdirSync(path.join(root, ".state/prod"), { recursive: true });
    fs.writeFileSync(path.join(root, ".state/prod/bastion"), "198.51.100.7\n");
    // In the place of the ssh to the bastion: says what it is started with.
    fs.writeFileSync(path.join(programs, "ssh"), `#!/bin/sh\nprintf '%s\\n' "$@" >"$SAID"\n`, { mode: 0o755 });
    env = { PATH: `${programs}:${process.env["PATH"]}`, SAID: path.join(root, "said") };
  });

  const said = (): string[] => fs.readFileSync(path.join(root, "said"), "utf8").trim().split("\n");
  /** The arguments that are options, as ssh reads them. */
  const read = (words: string[]): string[] =>
    spawnSync(ssh, ["-F", "none", "-G", ...words], { encoding: "utf8" })
      .stdout.trim()
      .split("\n");

  it("is ssh to the noted address as the same user with the same key, held to the bastion's keys, for the host alone", () => {
    const reach = reachOf(environment()) as Reach;
    const sharing = { ControlMaster: "auto", ControlPath: '"/tmp/some folder/%C"' };
    const { ProxyCommand } = proxyOption(reach, root, { sharing });
    spawnSync(ssh, ["-F", "none", "-o", `ProxyCommand=${ProxyCommand}`, "-p", "2222", "10.0.1.10"], { env });
    const words = said();
    expect(words.slice(-4)).toEqual(["-W", "10.0.1.10:2222", "--", "198.51.100.7"]);
    expect(words).toContain('ControlPath="/tmp/some folder/%C"');
    const options = read(words);
    for (const line of [
      "user admin",
      "hostname 198.51.100.7",
      "port 22",
      "hostkeyalias bastion",
      "stricthostkeychecking true",
      "updatehostkeys false",
      "batchmode yes",
      "globalknownhostsfile none",
      "identitiesonly yes",
      "controlmaster auto",
    ])
      expect(options).toContain(line);
    expect(words[words.indexOf("-i") + 1]).toBe(path.join(root, "keys/id"));
    expect(words).toContain(`UserKnownHostsFile="${path.join(root, ".state/prod/known_hosts")}"`);
  });

  it("is the same for Ansible, whose words a shell takes apart", () => {
    const inventory = inventoryOf([environment()]).environments["prod"];
    if (!inventory) throw new Error("no prod");
    const { hostvars } = ansibleInventory([{ environment: "prod", inventory }], root);
    const { ansible_ssh_common_args: args, ...others } = hostvars["redis-a.prod"] ?? {};
    expect(others).toMatchObject({ ansible_host: "10.0.1.10", ansible_user: "admin", ansible_port: 22 });
    spawnSync("sh", ["-c", `${ssh} -F none ${String(args)} -p 22 10.0.1.10`], { env });
    expect(said().slice(-4)).toEqual(["-W", "10.0.1.10:22", "--", "198.51.100.7"]);
    expect(said().join("\n")).not.toContain("ControlMaster");
  });

  it("says which file is missing where no address is noted", () => {
    fs.rmSync(path.join(root, ".state/prod/bastion"));
    const { ProxyCommand } = proxyOption(reachOf(environment()) as Reach, root);
    const { stderr } = spawnSync(ssh, ["-F", "none", "-o", `ProxyCommand=${ProxyCommand}`, "10.0.1.10"], {
      env,
      encoding: "utf8",
    });
    expect(stderr).toMatch(/\.state\/prod\/bastion'?: No such file/);
    expect(fs.existsSync(path.join(root, "said"))).toBe(false);
  });
});
