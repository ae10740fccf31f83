import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { FoundationStack } from "../../stacks/foundation-stack.ts";
import { NetworkStack } from "../../stacks/network-stack.ts";
import { zoneOf } from "../environments/inputs.ts";
import { allOf, type AwsStack, awsStack, inTarget, one } from "../support/aws-stack.ts";

type Change = (input: EnvironmentInput) => void;

const withBastion =
  (more: Change = () => undefined, bastion: object = {}): Change =>
  (input) => {
    inTarget(input, { bastion: { cidrs: ["203.0.113.0/24", "198.51.100.7/32"], ...bastion } });
    more(input);
  };
const closed: Change = (input) => {
  inTarget(input, { egress: "none" });
  for (const zone of ["b", "c"]) delete zoneOf(input, zone).publicSubnetCidr;
};

const network = (change?: Change): Promise<AwsStack> =>
  awsStack((app, environment) => new NetworkStack(app, environment), change);
const foundation = (change?: Change): Promise<AwsStack> =>
  awsStack(
    (app, environment) => new FoundationStack(app, { environment, network: new NetworkStack(app, environment) }),
    change,
    "prod-foundation",
  );

/** The rules of the bastion's group: source or destination, and port. */
const rules = (stack: AwsStack, way: "ingress" | "egress"): string[] =>
  allOf(stack, `aws_vpc_security_group_${way}_rule`)
    .filter((rule) => rule["security_group_id"] === "${aws_security_group.bastion.id}")
    .map((rule) => {
      expect(rule).toMatchObject({ ip_protocol: "tcp", to_port: rule["from_port"] });
      return `${String(rule["cidr_ipv4"])} ${String(rule["from_port"])}`;
    })
    .sort();

describe("the bastion of an environment on AWS", () => {
  it("is not there unless it is asked for; its group is, without a rule, for the nodes' rules to be taken away after it", async () => {
    const stack = await network();
    for (const type of ["aws_instance", "aws_ssm_parameter", "aws_network_interface", "aws_iam_instance_profile"])
      expect(allOf(stack, type), type).toEqual([]);
    expect([rules(stack, "ingress"), rules(stack, "egress")]).toEqual([[], []]);
    expect(one(stack, "aws_security_group")).toMatchObject({ name: "redis-ha-prod-bastion" });
    expect(stack.output).not.toHaveProperty("bastion_security_group_id");
  });

  it("lets ssh in from the networks that are named, and from nowhere else", async () => {
    expect(rules(await network(withBastion()), "ingress")).toEqual(["198.51.100.7/32 22", "203.0.113.0/24 22"]);
  });

  it("reaches ssh in the VPC, and the web; without a way out for the machines, HTTPS in the VPC only", async () => {
    expect(rules(await network(withBastion()), "egress")).toEqual(["0.0.0.0/0 443", "0.0.0.0/0 80", "10.0.0.0/16 22"]);
    expect(rules(await network(withBastion(closed)), "egress")).toEqual(["10.0.0.0/16 22", "10.0.0.0/16 443"]);
  });

  it("speaks to the metadata service by session only, has an encrypted disk, no key pair, and its group alone", async () => {
    const stack = await network(withBastion());
    const machine = one(stack, "aws_instance");
    expect(machine).toMatchObject({
      ami: "ami-0123456789abcdef0",
      instance_type: "t4g.nano",
      metadata_options: { http_endpoint: "enabled", http_tokens: "required", http_put_response_hop_limit: 1 },
      root_block_device: { encrypted: true },
      primary_network_interface: { network_interface_id: "${aws_network_interface.bastion.id}" },
    });
    for (const field of ["key_name", "associate_public_ip_address", "vpc_security_group_ids"])
      expect(machine).not.toHaveProperty(field);
    expect(one(stack, "aws_network_interface")).toMatchObject({
      subnet_id: "${aws_subnet.public-a.id}",
      security_groups: ["${aws_security_group.bastion.id}"],
    });
  });

  it("may say its own keys, and nothing else", async () => {
    const stack = await network(withBastion((input) => inTarget(input, { sessionManager: true })));
    const { bastion } = stack.resource["aws_iam_role_policy"] ?? {};
    expect(JSON.parse(String(bastion?.["policy"]))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "SayHostKeys",
          Effect: "Allow",
          Action: ["ssm:PutParameter"],
          Resource: ["arn:aws:ssm:eu-central-1:123456789012:parameter/ssh-host-keys/redis-ha/prod/bastion"],
        },
      ],
    });
    expect(one(stack, "aws_iam_instance_profile")["role"]).toBe("${aws_iam_role.bastion.name}");
    // No node may have this name.
    expect(stack.resource["aws_iam_role"]?.["bastion"]?.["name"]).toBe("redis-ha-prod_bastion");
  });

  it("boots as nodes do, without Session Manager, when its way to Parameter Store is there; and anew for other operators", async () => {
    const stack = await network(withBastion((input) => inTarget(input, { sessionManager: true })));
    const { user_data: script, ...machine } = one(stack, "aws_instance");
    expect(script).toContain("# First boot of bastion in the environment prod: who may log in");
    expect(script).toContain('\\"Name\\": \\"/ssh-host-keys/redis-ha/prod/bastion\\"');
    expect(script).toContain("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q");
    expect(script).not.toMatch(/amazon-ssm-agent|(?<!\$)\$\{|the first apply/);
    expect(machine).toMatchObject({ user_data_replace_on_change: true });
    expect(machine["depends_on"]).toEqual(
      expect.arrayContaining([
        "aws_eip.bastion",
        "aws_iam_role_policy.bastion",
        "aws_internet_gateway.internet",
        "aws_route.public",
      ]),
    );
  });

  it("has a fixed public address, which Parameter Store knows beside the keys", async () => {
    const stack = await network(withBastion());
    expect(stack.resource["aws_eip"]?.["bastion"]).toMatchObject({
      domain: "vpc",
      network_interface: "${aws_network_interface.bastion.id}",
    });
    expect(one(stack, "aws_ssm_parameter")).toMatchObject({
      name: "/ssh-host-keys/redis-ha/prod/bastion-address",
      type: "String",
      value: "${aws_eip.bastion.public_ip}",
    });
  });

  it("needs a public subnet with a way to the internet, and no NAT gateway", async () => {
    const stack = await network(withBastion(closed));
    expect(allOf(stack, "aws_subnet").map(({ cidr_block: cidr }) => cidr)).toHaveLength(4);
    expect(stack.resource["aws_subnet"]?.["public-a"]).toMatchObject({
      cidr_block: "10.0.255.0/28",
      map_public_ip_on_launch: false,
    });
    expect(allOf(stack, "aws_route")).toMatchObject([{ gateway_id: "${aws_internet_gateway.internet.id}" }]);
    expect(allOf(stack, "aws_nat_gateway")).toEqual([]);
  });

  it("has the type that fits the machines' image, or one with an image of its own, checked by the plan", async () => {
    const x86 = await network(withBastion((input) => inTarget(input, { instanceType: "m7i.large" })));
    expect(one(x86, "aws_instance")).toMatchObject({ instance_type: "t3.nano" });
    const own = await network(withBastion(undefined, { instanceType: "t3.micro", imageId: "ami-0123456789abcdef1" }));
    expect(one(own, "aws_instance")).toMatchObject({ ami: "ami-0123456789abcdef1", instance_type: "t3.micro" });
    const checked = own.data?.["aws_ami_ids"]?.["other_image"];
    expect(checked).toMatchObject({
      filter: [
        { name: "image-id", values: ["ami-0123456789abcdef1"] },
        { name: "architecture", values: ["arm64"] },
      ],
    });
    expect(JSON.stringify(checked)).toContain("correct target.bastion.imageId or target.bastion.instanceType");
  });
});

describe("the nodes of an environment with a bastion", () => {
  const ssh = (stack: AwsStack): unknown[] =>
    allOf(stack, "aws_vpc_security_group_ingress_rule")
      .filter((rule) => Number(rule["from_port"]) <= 22 && Number(rule["to_port"]) >= 22)
      .map((rule) => rule["cidr_ipv4"] ?? rule["referenced_security_group_id"]);

  it("let ssh in from its group alone, and from operators who are named", async () => {
    const alone = withBastion((input) => inTarget(input, { operators: {} }));
    expect(ssh(await foundation(alone))).toEqual(["${local.network.bastion_security_group_id}"]);
    expect(ssh(await foundation(withBastion()))).toEqual(["10.9.0.0/16", "${local.network.bastion_security_group_id}"]);
  });

  it("let nobody's ssh in without it", async () => {
    const stack = await foundation((input) => inTarget(input, { operators: {}, sessionManager: true }));
    expect(ssh(stack)).toEqual([]);
    expect(JSON.stringify(stack)).not.toContain("bastion");
  });
});
