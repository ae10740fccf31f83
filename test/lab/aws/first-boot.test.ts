import fs from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitFor } from "../../../agent/processes.ts";
import { parseEnvironment } from "../../../environments/parse.ts";
import { isOnAws } from "../../../stacks/aws-environment.ts";
import { firstBootScript } from "../../../stacks/first-boot.ts";
import { awsInput } from "../../environments/inputs.ts";
import { Cloud } from "../../support/cloud/cloud.ts";
import { describeWithHosts } from "../../support/debian-hosts.ts";

const ADDRESS = "10.77.0.11";
const PARAMETER = `/ssh-host-keys/redis-ha/prod/${ADDRESS}`;
const OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q other";
/** curl alone would take no longer than a moment. */
const BOOT_MS = 60_000;

/** What a machine does at its first boot, where no apply has come yet: on a host with the metadata service and Parameter Store of a lab. */
describeWithHosts("the first boot of a machine", () => {
  let cloud: Cloud;
  const run = (command: string): Promise<string> => cloud.lab.host("redis-a").run(["sh", "-c", command]);

  beforeAll(async () => {
    cloud = await Cloud.up("test-first-boot", { "redis-a": ADDRESS });
    await offerAgent(cloud);
    const input = awsInput();
    const own = fs.readFileSync(path.join(cloud.lab.record.folder, "id_ed25519.pub"), "utf8").trim();
    Object.assign(input.target, { publicKeys: [own, OTHER_KEY], sessionManager: true });
    const environment = parseEnvironment(input);
    if (!isOnAws(environment)) throw new Error("not on aws");
    const script = firstBootScript(environment, { name: "redis-a", hostKeys: PARAMETER, isNode: true });
    await cloud.instances.run({
      instance_type: "m7g.large",
      // As Terraform reads it.
      user_data: script.replaceAll("$${", "${").replaceAll("%%{", "%{"),
      network_interface: { private_ip: ADDRESS },
    });
    await booted();
  }, 300_000);
  afterAll(() => cloud?.down());

  const booted = (): Promise<true> =>
    waitFor(
      "the first boot is over",
      async () => {
        const state = await run("systemctl is-active first-boot || true");
        if (state === "failed") throw new Error(await run("journalctl -u first-boot --no-pager"));
        return state === "inactive" || undefined;
      },
      BOOT_MS,
    );

  it("lets in who applies, and nobody else", async () => {
    expect((await run("cat ~admin/.ssh/authorized_keys")).split("\n")).toEqual([
      fs.readFileSync(path.join(cloud.lab.record.folder, "id_ed25519.pub"), "utf8").trim(),
      OTHER_KEY,
    ]);
    expect(await run("stat -c '%U %a' ~admin/.ssh ~admin/.ssh/authorized_keys")).toBe("admin 700\nadmin 600");
    expect(await cloud.lab.ssh("redis-a", "whoami")).toBe("admin");
  });

  it("says its ssh keys in Parameter Store, as they are", async () => {
    const said = await cloud.parameter(PARAMETER);
    const keys = await run("cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub");
    expect(said.trim().split("\n")).toEqual(keys.split("\n"));
  });

  it("leaves none of its role's credentials behind", async () => {
    const secret = await run("journalctl -u first-boot --no-pager; cat /var/lib/user-data");
    expect(secret).not.toContain("test-secret-key");
    expect(secret).not.toContain("test-session-token");
  });

  it("has Amazon's agent, from the bucket of its region", async () => {
    expect(await run("dpkg-query -W -f '${Status} ${Version}' amazon-ssm-agent")).toBe("install ok installed 3.0");
  });

  it("done again, changes nothing", async () => {
    const before = await run("cat ~admin/.ssh/authorized_keys");
    await run("/var/lib/user-data");
    expect(await run("cat ~admin/.ssh/authorized_keys")).toBe(before);
  });
});

/** A package of that name where Amazon has theirs. */
async function offerAgent(cloud: Cloud): Promise<void> {
  const folder = path.join(cloud.lab.record.folder, "agent");
  const control = "Package: amazon-ssm-agent\nVersion: 3.0\nArchitecture: all\nMaintainer: nobody\nDescription: none\n";
  fs.mkdirSync(path.join(folder, "DEBIAN"), { recursive: true });
  fs.writeFileSync(path.join(folder, "DEBIAN", "control"), control);
  await execa("dpkg-deb", ["--build", "--root-owner-group", folder, `${folder}.deb`]);
  const { stdout: architecture } = await execa("dpkg", ["--print-architecture"]);
  await cloud.offer("amazon-ssm-eu-central-1", `latest/debian_${architecture}/amazon-ssm-agent.deb`, `${folder}.deb`);
}
