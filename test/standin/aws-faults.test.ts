import fs from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Attributes } from "../support/standin-aws.ts";
import { temporaryFolder } from "../support/synth.ts";
import { applied, create, documentOf, machine, machineWith, standIn } from "./machine.ts";

/** A hook that writes down what it is told, and fails for what is named in the file `fail` beside it. */
async function hook() {
  const folder = await temporaryFolder();
  const file = path.join(folder, "hook");
  const [log, fail] = [path.join(folder, "log"), path.join(folder, "fail")];
  const script = `#!/bin/sh
echo "$1 $2 $(cat)" >> ${log}
if grep -qsx "$1 $2" ${fail}; then echo "no $2 today" >&2; exit 1; fi
`;
  await fs.writeFile(file, script, { mode: 0o700 });
  return {
    env: { STANDIN_HOOK: file },
    failFor: (...what: string[]) => fs.writeFile(fail, `${what.join("\n")}\n`),
    /** What it was told since it was last asked. */
    calls: async () => {
      const text = await fs.readFile(log, "utf8").catch(() => "");
      await fs.rm(log, { force: true });
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => {
          const [, what = "", json = ""] = /^(\w+ \w+) (.*)$/.exec(line) ?? [];
          return { what, told: JSON.parse(json) as Record<string, Attributes | undefined> };
        });
    },
  };
}

describe.skipIf(!standIn)("the hook of the stand-in for AWS", { timeout: 120_000 }, () => {
  it("is told of an instance and of its volume when they come, change and go", async () => {
    const { env, calls } = await hook();
    const aws = await create(machine());
    await aws.apply(env);
    const [instance, attachment, ...more] = await calls();
    expect(instance).toMatchObject({
      what: "create aws_instance",
      told: { private_ip: "10.0.1.10", network_interface: { private_ips: ["10.0.1.10"] } },
    });
    expect(attachment).toMatchObject({
      what: "create aws_volume_attachment",
      told: { device_name: "/dev/sdf", volume: { size: 20 }, instance: { private_ip: "10.0.1.10" } },
    });
    expect(more).toEqual([]);

    await aws.write(documentOf(machineWith("aws_instance", { instance_type: "m7g.xlarge" })));
    await aws.apply(env);
    expect(await calls()).toMatchObject([{ what: "update aws_instance", told: { instance_type: "m7g.xlarge" } }]);

    await aws.destroy(env);
    expect((await calls()).map(({ what }) => what)).toEqual(["destroy aws_volume_attachment", "destroy aws_instance"]);
  });

  it("fails a create: the instance is there, and made anew by the next apply", async () => {
    const { env, failFor, calls } = await hook();
    const aws = await create(machine());
    await failFor("create aws_instance");
    await expect(aws.apply(env)).rejects.toThrow("no aws_instance today");
    const { id } = await aws.only("aws_instance");
    expect(await aws.plan(env)).toContain("aws_instance.it is tainted");
    await failFor();
    await calls();
    await aws.apply(env);
    expect((await calls()).map(({ what }) => what)).toEqual([
      "destroy aws_instance",
      "create aws_instance",
      "create aws_volume_attachment",
    ]);
    expect((await aws.only("aws_instance"))["id"]).not.toBe(id);
  });

  it("fails an update and a destroy: all is as it was, and tried again", async () => {
    const { env, failFor } = await hook();
    const aws = await applied();
    await aws.write(documentOf(machineWith("aws_instance", { instance_type: "m7g.xlarge" })));
    await failFor("update aws_instance", "destroy aws_instance");
    await expect(aws.apply(env)).rejects.toThrow("no aws_instance today");
    expect(await aws.only("aws_instance")).toMatchObject({ instance_type: "m7g.large" });
    expect(await aws.plan()).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
    await expect(aws.destroy(env)).rejects.toThrow("no aws_instance today");
    expect(await aws.only("aws_instance")).toMatchObject({ private_ip: "10.0.1.10" });
    expect(await aws.destroy()).toMatch(/Resources: \d destroyed/);
  });
});

describe.skipIf(!standIn)("what the stand-in refuses as AWS does", { timeout: 120_000 }, () => {
  it("refuses to terminate an instance that is protected from it", async () => {
    const aws = await applied(machineWith("aws_instance", { disable_api_termination: true }));
    await expect(aws.destroy()).rejects.toThrow(
      /OperationNotPermitted: The instance 'i-[0-9a-f]{17}' may not be terminated/,
    );
    await aws.write(documentOf(machineWith("aws_instance", { disable_api_termination: true, force_destroy: true })));
    await aws.apply();
    expect(await aws.destroy()).toContain("Resources: 8 destroyed.");
  });

  it.each([
    ["aws_network_interface", /Network interface 'eni-\w+' is currently in use/],
    ["aws_ebs_volume", /VolumeInUse: Volume vol-\w+ is currently attached/],
    ["aws_security_group", /DependencyViolation: resource sg-\w+ has a dependent object/],
    ["aws_subnet", /DependencyViolation: The subnet 'subnet-\w+' has dependencies/],
    ["aws_vpc", /DependencyViolation: The vpc 'vpc-\w+' has dependencies/],
  ])("refuses to destroy an %s that is in use", async (type, message) => {
    const aws = await applied();
    // Terraform forgets what uses it.
    const others = Object.entries(machine()).flatMap(([each, named]) =>
      each === type ? [] : Object.keys(named).map((name) => `${each}.${name}`),
    );
    await aws.run(["state", "rm", ...others]);
    await expect(aws.destroy()).rejects.toThrow(message);
    expect(Object.keys(await aws.existing(type))).toHaveLength(1);
  });

  it.each([
    ["10.0.2.10", "Address 10.0.2.10 does not fall within the subnet's address range"],
    ["10.0.1.3", "Address 10.0.1.3 is in subnet's reserved address range"],
    ["10.0.1.255", "Address 10.0.1.255 is in subnet's reserved address range"],
  ])("refuses a network interface with the address %s", async (address, message) => {
    const aws = await create(machineWith("aws_network_interface", { private_ips: [address] }));
    await expect(aws.apply()).rejects.toThrow(message);
    expect(await aws.existing("aws_network_interface")).toEqual({});
  });

  it.each<[what: string, more: object, message: string]>([
    [
      "an address twice in a subnet",
      { aws_network_interface: { other: { subnet_id: "${aws_subnet.a.id}", private_ips: ["10.0.1.10"] } } },
      "InvalidIPAddress.InUse: The specified address 10.0.1.10 is already in use",
    ],
    [
      "a volume from another availability zone",
      {
        aws_ebs_volume: { other: { availability_zone: "eu-central-1b", size: 1 } },
        aws_volume_attachment: {
          other: {
            device_name: "/dev/sdg",
            volume_id: "${aws_ebs_volume.other.id}",
            instance_id: "${aws_instance.it.id}",
          },
        },
      },
      "InvalidVolume.ZoneMismatch",
    ],
    [
      "two instances with one network interface",
      { aws_instance: { other: { ...machine()["aws_instance"]?.["it"] } } },
      "InvalidNetworkInterface.InUse",
    ],
    [
      "a default security group of no VPC",
      { aws_default_security_group: { other: { vpc_id: "vpc-1" } } },
      "InvalidParameterValue: what aws_default_security_group belongs to does not exist",
    ],
    [
      "two of a name",
      { aws_cloudwatch_log_group: { one: { name: "/it" }, two: { name: "/it" } } },
      "EntityAlreadyExists: aws_cloudwatch_log_group /it already exists",
    ],
  ])("refuses %s", async (_, more, message) => {
    const aws = await applied();
    const all = machine();
    for (const [type, named] of Object.entries(more)) all[type] = { ...all[type], ...(named as object) };
    await aws.write(documentOf(all));
    await expect(aws.apply()).rejects.toThrow(message);
  });
});
