import { TerraformStack } from "cdktf";
import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { addAwsProvider } from "../../stacks/aws-environment.ts";
import { MemberAccess } from "../../stacks/member-access.ts";
import { NetworkStack } from "../../stacks/network-stack.ts";
import { zoneOf } from "../environments/inputs.ts";
import { type AwsStack, awsStack, inTarget } from "../support/aws-stack.ts";
import { StandInAws } from "../support/standin-aws.ts";
import { standIn } from "./machine.ts";

type Change = (input: EnvironmentInput) => void;

/** A stack with its state beside it, and not in a bucket. */
async function standInFor(stack: AwsStack): Promise<StandInAws> {
  return StandInAws.create(standIn ?? {}, { ...stack, terraform: { ...stack.terraform, backend: undefined } });
}

const network = (change?: Change): Promise<AwsStack> =>
  awsStack((app, environment) => new NetworkStack(app, environment), change);

const access = (change?: Change): Promise<AwsStack> =>
  awsStack((app, environment) => {
    const stack = new TerraformStack(app, "access");
    addAwsProvider(stack, environment);
    new MemberAccess(stack, { environment, vpcId: "vpc-0123456789abcdef0" });
  }, change);

const withoutPublic = (input: EnvironmentInput): void => {
  for (const zone of ["a", "b", "c"]) delete zoneOf(input, zone).publicSubnetCidr;
};

const closed = (input: EnvironmentInput): void => {
  inTarget(input, { egress: "none" });
  withoutPublic(input);
};

/** It is valid, made, found unchanged, and destroyed, with a look at it in between. */
async function wholeLife(stack: AwsStack, look: (aws: StandInAws) => Promise<void>): Promise<void> {
  const aws = await standInFor(stack);
  const count = String(Object.values(stack.resource).flatMap((named) => Object.keys(named)).length);
  expect(await aws.run(["validate"])).toContain("The configuration is valid.");
  expect(await aws.plan()).toContain(`Plan: ${count} to add, 0 to change, 0 to destroy.`);
  await aws.apply();
  expect(await aws.plan()).toContain("No changes.");
  await look(aws);
  expect(await aws.destroy()).toContain(`Resources: ${count} destroyed.`);
}

const withBastion =
  (more: Change = () => undefined): Change =>
  (input) => {
    inTarget(input, { bastion: { cidrs: ["203.0.113.0/24"] } });
    more(input);
  };
/** The bastion alone has a way to the internet. */
const closedWithBastion = withBastion((input) => {
  inTarget(input, { egress: "none" });
  for (const zone of ["b", "c"]) delete zoneOf(input, zone).publicSubnetCidr;
});

const inVpc = (input: EnvironmentInput): void => {
  inTarget(input, { vpcId: "vpc-0123456789abcdef0" });
  withoutPublic(input);
  for (const zone of ["a", "b", "c"]) zoneOf(input, zone).subnetId = `subnet-0123456789abcde0${zone}`;
};

describe.skipIf(!standIn)("the network of an environment on AWS, by Terraform", { timeout: 120_000 }, () => {
  it.each([
    ["with a NAT gateway a zone", undefined],
    ["without a way to the internet", closed],
  ])("%s is made, found unchanged, and destroyed", async (_, change) => {
    await wholeLife(await network(change), async (aws) => {
      const { vpc_id: vpcId, ...subnetIds } = await aws.outputs();
      expect(Object.keys(await aws.existing("aws_vpc"))).toEqual([vpcId]);
      expect(Object.keys(subnetIds)).toEqual(["subnet_id_a", "subnet_id_b", "subnet_id_c"]);
      const subnets = await aws.existing("aws_subnet");
      for (const id of Object.values(subnetIds as Record<string, string>))
        expect(subnets[id]).toMatchObject({
          vpc_id: vpcId,
          tags_all: { Project: "redis-ha", Environment: "prod", ManagedBy: "cdktf-redis-ha" },
        });
    });
  });

  it.each([
    ["with NAT gateways", withBastion()],
    ["without a way to the internet for the machines", closedWithBastion],
  ])("%s and a bastion is made, found unchanged, and destroyed", async (_, change) => {
    await wholeLife(await network(change), async (aws) => {
      const { bastion_security_group_id: group } = await aws.outputs();
      const machine = await aws.only("aws_instance");
      expect(machine).toMatchObject({ vpc_security_group_ids: [group], iam_instance_profile: "redis-ha-prod_bastion" });
      const addresses = Object.values(await aws.existing("aws_eip"));
      const its = addresses.find((each) => each["network_interface"] === machine["primary_network_interface_id"]);
      expect(await aws.only("aws_ssm_parameter")).toMatchObject({ value: its?.["public_ip"] });
    });
  });

  it("another operator's key replaces the bastion, which keeps its address; taken away, its group stays", async () => {
    const aws = await standInFor(await network(closedWithBastion));
    await aws.apply();
    const address = (await aws.only("aws_eip"))["public_ip"];
    const other = await network((input) => {
      closedWithBastion(input);
      inTarget(input, { publicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBB other"] });
    });
    const write = (stack: AwsStack) => aws.write({ ...stack, terraform: { ...stack.terraform, backend: undefined } });
    await write(other);
    expect(await aws.apply()).toContain("Resources: 1 added, 0 changed, 1 destroyed.");
    expect((await aws.only("aws_eip"))["public_ip"]).toBe(address);
    const before = await aws.outputs();
    await aws.put("aws_vpc_security_group_ingress_rule", "sgr-0123456789abcdef0", {
      security_group_id: "sg-0123456789abcdef0",
      referenced_security_group_id: before["bastion_security_group_id"],
    });
    await write(await network(closed));
    await aws.apply();
    expect(await aws.existing("aws_instance")).toEqual({});
    expect(Object.keys(await aws.existing("aws_security_group"))).toContain(before["bastion_security_group_id"]);
    expect(await aws.plan()).toContain("No changes.");
  });

  it("has no zone that the region lacks", async () => {
    const aws = await standInFor(await network((input) => (zoneOf(input, "b").availabilityZone = "eu-central-1z")));
    await expect(aws.plan()).rejects.toThrow(
      "eu-central-1 has no eu-central-1z for this account, but eu-central-1a, eu-central-1b, eu-central-1c; correct zones.b.availabilityZone in environments/prod.ts. Nothing was changed.",
    );
  });

  it("is made in the account of the environment and in no other", async () => {
    const aws = await standInFor(await network());
    await expect(aws.plan({ STANDIN_ACCOUNT_ID: "999999999999" })).rejects.toThrow("AWS account ID not allowed");
  });

  it("that is there already is compared with its description", async () => {
    const aws = await standInFor(await network(inVpc));
    await expect(aws.plan()).rejects.toThrow("no matching EC2 VPC found");
    await aws.put("aws_vpc", "vpc-0123456789abcdef0", { cidr_block: "10.0.0.0/16" });
    const put = (zone: string, number: number, availabilityZone = `eu-central-1${zone}`) =>
      aws.put("aws_subnet", `subnet-0123456789abcde0${zone}`, {
        vpc_id: "vpc-0123456789abcdef0",
        cidr_block: `10.0.${String(number)}.0/24`,
        availability_zone: availabilityZone,
      });
    await put("a", 1);
    await put("b", 2, "eu-central-1c");
    await put("c", 3);
    await expect(aws.plan()).rejects.toThrow(
      "has subnet-0123456789abcde0b in eu-central-1c, and not in eu-central-1b; correct zones.b.subnetId or",
    );
    await put("b", 2);
    await aws.apply();
    expect(await aws.outputs()).toMatchObject({ subnet_id_b: "subnet-0123456789abcde0b" });
    expect(await aws.plan()).toContain("No changes.");
  });
});

describe.skipIf(!standIn)(
  "who may reach the machines of an environment on AWS, by Terraform",
  { timeout: 120_000 },
  () => {
    it.each([
      ["with a way to the internet", undefined],
      ["without one", closed],
    ])("%s it is made, found unchanged, and destroyed", async (_, change) => {
      const stack = await access((input) => {
        change?.(input);
        inTarget(input, { clients: { cidrs: ["10.1.0.0/16"], securityGroupIds: ["sg-0123456789abcdef0"] } });
      });
      await wholeLife(stack, async (aws) => {
        const rules = Object.values(await aws.existing("aws_vpc_security_group_ingress_rule"));
        const { id } = await aws.only("aws_security_group");
        expect(rules.map((rule) => rule["security_group_id"])).toEqual(rules.map(() => id));
        expect(rules).toHaveLength(7);
      });
    });
  },
);
