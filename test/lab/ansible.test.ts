import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseEnvironments } from "../../environments/parse.ts";
import { inventoryOf } from "../../stacks/inventory.ts";
import { downLab, Lab } from "../../tools/lab/lab.ts";
import { ansibleOptions, ansibleProgram, hasAnsible } from "../support/ansible.ts";
import { describeWithHosts, leftOf } from "../support/debian-hosts.ts";

const name = "test-ansible";
const script = fileURLToPath(new URL("../../ansible/inventory", import.meta.url));

const describeWithBoth = hasAnsible ? describeWithHosts : describe.skip;

/** The first node is a real host; the two others exist in the description only. */
describeWithBoth("Ansible on a host, by the inventory", { timeout: 60_000 }, () => {
  let lab: Lab;
  let root: string;
  beforeAll(async () => {
    await downLab(name);
    lab = await Lab.up({ name, hosts: 1 });
    root = path.join(await fs.mkdtemp(path.join(os.tmpdir(), "rha-")), "a checkout");
    await fs.mkdir(path.join(root, "cdktf.out"), { recursive: true });
    await fs.writeFile(path.join(root, "cdktf.json"), "{}");
    const { folder } = lab.record;
    for (const file of ["id_ed25519", "known_hosts"]) await fs.copyFile(path.join(folder, file), path.join(root, file));
    const environments = parseEnvironments([
      {
        name: "hosts",
        target: { kind: "ssh", user: "admin", identityFile: "id_ed25519", knownHostsFile: "known_hosts" },
        zones: Object.fromEntries(
          ["a", "b", "c"].map((zone, index) => [
            zone,
            { nodes: [{ name: `redis-${zone}`, address: `10.77.0.${11 + index}` }] },
          ]),
        ),
        settings: { maxMemoryMb: 100 },
      },
    ]);
    await fs.writeFile(path.join(root, "cdktf.out", "environments.json"), JSON.stringify(inventoryOf(environments)));
  }, 180_000);
  afterAll(async () => {
    await lab?.down();
    if (root) await fs.rm(path.dirname(root), { recursive: true, force: true });
    expect(leftOf(name)).toEqual([]);
  });

  async function onHost(command: string): Promise<string> {
    const words = [ansibleProgram("ansible"), "-i", script, "redis-a.hosts", "-m", "raw", "-a", command];
    const env = {
      REDIS_HA_PROJECT: root,
      // As many have it in their ansible.cfg.
      ANSIBLE_HOST_KEY_CHECKING: "False",
      // A kept connection has its host's key behind it.
      ANSIBLE_SSH_ARGS: "-o ControlMaster=no",
    };
    const { stdout } = await lab.exec(words, ansibleOptions(env));
    return `${stdout}`;
  }

  it("logs in with the description's user and key, whatever the checkout's path is", async () => {
    const said = await onHost("echo $(id -un) on $(hostname)");
    expect(said).toContain("redis-a.hosts | CHANGED | rc=0");
    expect(said).toContain("admin on redis-a");
  });

  it("has no roles after two seconds while no host can be asked: one was never set up, two do not answer", async () => {
    const words = [script, "--list"];
    const began = performance.now();
    const { exitCode, stdout, stderr } = await lab.exec(words, { env: { REDIS_HA_PROJECT: root }, reject: false });
    expect(performance.now() - began).toBeLessThan(6000);
    expect(exitCode).toBe(0);
    // The kernel may have found out already that nobody has these addresses, and then says so at once.
    expect(stderr).toMatch(
      /hosts: (no host could be asked within 2 s|no host of hosts can be asked: .*No route to host.*)\. Neither in hosts_master nor hosts_replicas/,
    );
    expect(JSON.parse(String(stdout))).toMatchObject({ hosts_master: { hosts: [] }, hosts_replicas: { hosts: [] } });
  });

  it("does not talk to a host whose key is not in the description's file", async () => {
    await fs.writeFile(path.join(root, "known_hosts"), "");
    const said = await onHost("true");
    expect(said).toContain("redis-a.hosts | UNREACHABLE!");
    expect(said).toMatch(/host key is known for 10\.77\.0\.11 and you have requested strict checking/);
  });
});
