import { describe, expect, it } from "vitest";
import type { Attributes } from "../support/standin-aws.ts";
import { applied, create, documentOf, machine, machineWith, standIn } from "./machine.ts";

describe.skipIf(!standIn)("the stand-in for AWS", { timeout: 120_000 }, () => {
  it("makes resources with ids and attributes as AWS has them, and finds nothing to change after", async () => {
    const aws = await create(machine(), {
      output: {
        instance: { value: "${aws_instance.it}" },
        interface: { value: "${aws_network_interface.it}" },
        vpc: { value: "${aws_vpc.vpc}" },
        volume: { value: "${aws_ebs_volume.data}" },
      },
    });
    expect(await aws.plan()).toContain("Plan: 8 to add, 0 to change, 0 to destroy.");
    await aws.apply();
    expect(await aws.plan()).toContain("No changes.");
    const { instance, interface: own, vpc, volume } = (await aws.outputs()) as Record<string, Attributes>;
    expect(vpc).toMatchObject({
      id: expect.stringMatching(/^vpc-[0-9a-f]{17}$/) as string,
      arn: `arn:aws:ec2:eu-central-1:123456789012:vpc/${String(vpc?.["id"])}`,
      region: "eu-central-1",
      tags_all: { Project: "redis-ha", Name: "it", Kind: "network" },
      ipv6_cidr_block: null,
    });
    expect(own).toMatchObject({ private_ip: "10.0.1.10", tags_all: { Project: "redis-ha", Kind: "default" } });
    expect(volume).toMatchObject({ size: 20, iops: 3000, throughput: 125 });
    expect(instance).toMatchObject({
      private_ip: "10.0.1.10",
      primary_network_interface_id: own?.["id"],
      subnet_id: own?.["subnet_id"],
      availability_zone: "eu-central-1a",
      vpc_security_group_ids: own?.["security_groups"],
      metadata_options: [{ http_tokens: "required", http_endpoint: null }],
      public_ip: null,
    });
  });

  it("destroys all of it, and nothing is left", async () => {
    const aws = await applied();
    expect(Object.keys(await aws.existing("aws_instance"))).toHaveLength(1);
    expect(await aws.destroy()).toContain("Resources: 8 destroyed.");
    for (const type of Object.keys(machine())) expect(await aws.existing(type)).toEqual({});
  });

  it("changes in place what AWS changes in place", async () => {
    const aws = await applied();
    const { id } = await aws.only("aws_instance");
    await aws.write(
      documentOf(
        machineWith("aws_instance", { instance_type: "m7g.xlarge", metadata_options: [{ http_tokens: "optional" }] }),
      ),
    );
    expect(await aws.apply()).toContain("0 added, 1 changed, 0 destroyed.");
    expect(await aws.only("aws_instance")).toMatchObject({
      id,
      instance_type: "m7g.xlarge",
      metadata_options: [{ http_tokens: "optional" }],
    });
    expect(await aws.plan()).toContain("No changes.");
  });

  it("knows what a change means, and makes another one where AWS does", async () => {
    const aws = await applied();
    const planOf = async (type: string, change: Attributes) => {
      await aws.write(documentOf(machineWith(type, change)));
      const plan = await aws.plan();
      const [, count = ""] = /Plan: (.*)\./.exec(plan) ?? [];
      expect(plan.includes("forces replacement")).toBe(!count.startsWith("0"));
      return count;
    };
    const changedInPlace = "0 to add, 1 to change, 0 to destroy";
    const replacedWithAttachment = "2 to add, 0 to change, 2 to destroy";
    const disk = (fields: object) => ({ root_block_device: [{ encrypted: true, volume_size: 10, ...fields }] });
    expect(await planOf("aws_instance", disk({ volume_size: 11 }))).toBe(changedInPlace);
    expect(await planOf("aws_instance", disk({ encrypted: false }))).toBe(replacedWithAttachment);
    expect(await planOf("aws_ebs_volume", { size: 21 })).toBe(changedInPlace);
    expect(await planOf("aws_ebs_volume", { encrypted: false })).toBe(replacedWithAttachment);
    expect(await planOf("aws_network_interface", { private_ips: ["10.0.1.11"] })).toBe(
      "3 to add, 0 to change, 3 to destroy",
    );
    expect(await planOf("aws_instance", { ami: "ami-0fedcba9876543210" })).toBe(replacedWithAttachment);
    const { id } = await aws.only("aws_instance");
    await aws.apply();
    expect((await aws.only("aws_instance"))["id"]).not.toBe(id);
    expect(await aws.plan()).toContain("No changes.");
  });

  it("gives everything the default tags, and changes them in place", async () => {
    const volume = { aws_ebs_volume: { data: { availability_zone: "eu-central-1a", size: 1 } } };
    const aws = await applied(volume);
    const tags = { Project: "other" };
    await aws.write(documentOf(volume, { provider: { aws: { region: "eu-central-1", default_tags: [{ tags }] } } }));
    expect(await aws.apply()).toContain("0 added, 1 changed, 0 destroyed.");
    expect(await aws.only("aws_ebs_volume")).toMatchObject({ tags: null, tags_all: tags });
  });

  it("notices what somebody changed in AWS, and changes it back", async () => {
    const aws = await applied();
    const instance = await aws.only("aws_instance");
    await aws.put("aws_instance", String(instance["id"]), { ...instance, instance_type: "m7g.2xlarge" });
    const plan = await aws.plan();
    expect(plan).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
    expect(plan).toMatch(/instance_type += "m7g.2xlarge" -> "m7g.large"/);
  });

  it("makes what is gone again: a lost instance, and with it what was attached to it", async () => {
    const aws = await applied();
    const { id } = await aws.only("aws_instance");
    await aws.lose("aws_instance", id);
    expect(await aws.plan()).toContain("Plan: 2 to add, 0 to change, 0 to destroy.");
    await aws.apply();
    expect((await aws.only("aws_instance"))["id"]).not.toBe(id);
    expect(await aws.plan()).toContain("No changes.");
  });

  it("keeps away from other accounts: a plan stops", async () => {
    const aws = await create(machine());
    const wrong = { STANDIN_ACCOUNT_ID: "999999999999" };
    await expect(aws.plan(wrong)).rejects.toThrow("AWS account ID not allowed: 999999999999");
    expect(await aws.plan()).toContain("Plan: 8 to add");
  });

  it("asks for a region, and for a place to keep what it makes", async () => {
    const aws = await create(machine(), { provider: { aws: {} } });
    await expect(aws.plan()).rejects.toThrow("invalid AWS Region");
    await aws.write(documentOf(machine()));
    await expect(aws.apply({ STANDIN_STORE: "" })).rejects.toThrow("STANDIN_STORE is not set");
  });

  it.each([
    ["aws_instance", { public_ip: "192.0.2.1" }, "aws_instance.public_ip is computed"],
    [
      "aws_instance",
      { root_block_device: [{ volume_id: "vol-1" }] },
      "aws_instance.root_block_device.volume_id is computed",
    ],
    ["aws_vpc", { id: "vpc-1" }, "aws_vpc.id is computed"],
    ["aws_vpc_security_group_ingress_rule", { cidr_ipv6: "::/0" }, "exactly one of these attributes"],
    ["aws_vpc_security_group_ingress_rule", { cidr_ipv4: null }, "exactly one of these attributes"],
    ["aws_subnet", { vpc_id: null }, "Missing required argument"],
    [
      "aws_instance",
      { metadata_options: [{ http_token: "required" }] },
      'No argument or block type is named "http_token"',
    ],
  ])("refuses a configuration with %s %j", async (type, change, message) => {
    const aws = await create(machineWith(type, change));
    await expect(aws.run(["validate"])).rejects.toThrow(message);
  });
});

describe.skipIf(!standIn)("data sources of the stand-in for AWS", { timeout: 120_000 }, () => {
  const lookUp = (subnet: object = {}) =>
    create(undefined, {
      data: {
        aws_vpc: { it: { id: "vpc-1" } },
        aws_subnet: { it: { id: "subnet-1", vpc_id: "${data.aws_vpc.it.id}", ...subnet } },
      },
      output: {
        ranges: { value: "${[for each in data.aws_vpc.it.cidr_block_associations : each.cidr_block]}" },
        zone: { value: "${data.aws_subnet.it.availability_zone}" },
      },
    });

  it("find a network that a test put there, and fail as AWS does where there is none", async () => {
    const aws = await lookUp();
    await expect(aws.plan()).rejects.toThrow("no matching EC2 VPC found");
    await aws.put("aws_vpc", "vpc-1", { cidr_block: "10.0.0.0/16" });
    await expect(aws.plan()).rejects.toThrow("no matching EC2 Subnet found");
    await aws.put("aws_subnet", "subnet-1", { vpc_id: "vpc-2" });
    await expect(aws.plan()).rejects.toThrow("no matching EC2 Subnet found");
    await aws.put("aws_subnet", "subnet-1", { vpc_id: "vpc-1", availability_zone: "eu-central-1a" });
    await aws.apply();
    expect(await aws.outputs()).toEqual({ ranges: ["10.0.0.0/16"], zone: "eu-central-1a" });
    expect(await aws.plan()).toContain("No changes.");
  });

  it("answer the same question the same: images by architecture, and a prefix list", async () => {
    const images = (architecture: string) => ({
      owners: ["136693071363"],
      filter: [
        { name: "image-id", values: ["ami-0123456789abcdef0"] },
        { name: "architecture", values: [architecture] },
      ],
    });
    const aws = await create(undefined, {
      data: {
        aws_ami_ids: { arm: images("arm64"), intel: images("x86_64") },
        aws_prefix_list: { s3: { name: "com.amazonaws.eu-central-1.s3" } },
      },
      output: {
        arm: { value: "${data.aws_ami_ids.arm.ids}" },
        intel: { value: "${data.aws_ami_ids.intel.ids}" },
        s3: { value: "${data.aws_prefix_list.s3}" },
      },
    });
    await aws.apply();
    expect(await aws.plan()).toContain("No changes.");
    expect(await aws.outputs()).toMatchObject({
      arm: ["ami-0123456789abcdef0"],
      intel: [],
      s3: { id: expect.stringMatching(/^pl-[0-9a-f]{8}$/) as string, name: "com.amazonaws.eu-central-1.s3" },
    });
    await aws.put("aws_ami", "ami-0123456789abcdef0", { architecture: "x86_64" });
    await aws.apply();
    expect(await aws.outputs()).toMatchObject({ arm: [], intel: ["ami-0123456789abcdef0"] });
  });
});
