import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { NetworkStack } from "../../stacks/network-stack.ts";
import { zoneOf } from "../environments/inputs.ts";
import { allOf as all, type AwsStack, awsStack, inTarget } from "../support/aws-stack.ts";

const network = (change?: (input: EnvironmentInput) => void): Promise<AwsStack> =>
  awsStack((app, environment) => new NetworkStack(app, environment), change);
const withoutPublic = (input: EnvironmentInput, ...zones: string[]): void => {
  for (const zone of zones) delete zoneOf(input, zone).publicSubnetCidr;
};
const addresses = (stack: AwsStack): string[] =>
  Object.entries(stack.resource).flatMap(([type, blocks]) => Object.keys(blocks).map((name) => `${type}.${name}`));

describe("the network of an environment on AWS", () => {
  it("has a private subnet a zone, each with routes of its own to the NAT gateway of its availability zone", async () => {
    const stack = await network();
    const subnets = all(stack, "aws_subnet").map(({ cidr_block: cidr, availability_zone: place }) => [cidr, place]);
    expect(subnets.sort()).toEqual([
      ["10.0.1.0/24", "eu-central-1a"],
      ["10.0.2.0/24", "eu-central-1b"],
      ["10.0.255.0/28", "eu-central-1a"],
      ["10.0.255.16/28", "eu-central-1b"],
      ["10.0.255.32/28", "eu-central-1c"],
      ["10.0.3.0/24", "eu-central-1c"],
    ]);
    for (const zone of ["a", "b", "c"])
      expect(stack.output[`subnet_id_${zone}`]?.value).toBe(`\${aws_subnet.private-${zone}.id}`);
    const routes = all(stack, "aws_route").flatMap((route) =>
      route["nat_gateway_id"] === undefined ? [] : [[route["route_table_id"], route["nat_gateway_id"]]],
    );
    expect(routes).toEqual(
      ["a", "b", "c"].map((zone) => [
        `\${aws_route_table.routes-${zone}.id}`,
        expect.stringContaining(`gateway-${zone}`) as unknown,
      ]),
    );
  });

  it("keeps its addresses: renaming one would replace a subnet under running machines", async () => {
    expect(
      addresses(await network()).filter((address) => /vpc\.|subnet\.|route_table\.|nat_|eip\.|internet/.test(address)),
    ).toMatchInlineSnapshot(`
      [
        "aws_eip.nat-a",
        "aws_eip.nat-b",
        "aws_eip.nat-c",
        "aws_internet_gateway.internet",
        "aws_nat_gateway.gateway-a",
        "aws_nat_gateway.gateway-b",
        "aws_nat_gateway.gateway-c",
        "aws_route_table.public",
        "aws_route_table.routes-a",
        "aws_route_table.routes-b",
        "aws_route_table.routes-c",
        "aws_subnet.private-a",
        "aws_subnet.private-b",
        "aws_subnet.private-c",
        "aws_subnet.public-a",
        "aws_subnet.public-b",
        "aws_subnet.public-c",
        "aws_vpc.vpc",
      ]
    `);
  });

  it("gives no machine a public address, and lets nobody in from everywhere", async () => {
    for (const egress of ["nat-per-zone", "none"]) {
      const stack = await network((input) => {
        inTarget(input, { egress });
        if (egress === "none") withoutPublic(input, "a", "b", "c");
      });
      for (const subnet of all(stack, "aws_subnet")) expect(subnet["map_public_ip_on_launch"]).toBe(false);
      expect(all(stack, "aws_default_security_group")).toMatchObject([{ ingress: [], egress: [] }]);
      const ingress = all(stack, "aws_vpc_security_group_ingress_rule");
      expect(JSON.stringify(ingress)).not.toContain("0.0.0.0/0");
      expect(ingress.length).toBe(egress === "none" ? 1 : 0);
    }
  });

  it("with a single NAT gateway, all zones go by that of the first", async () => {
    const stack = await network((input) => {
      inTarget(input, { egress: "single-nat" });
      withoutPublic(input, "b", "c");
    });
    expect(all(stack, "aws_nat_gateway")).toHaveLength(1);
    const out = all(stack, "aws_route").filter((route) => route["nat_gateway_id"] !== undefined);
    expect(new Set(out.map((route) => route["nat_gateway_id"])).size).toBe(1);
    expect(out).toHaveLength(3);
  });

  it("zones that share an availability zone share its NAT gateway, and endpoints have one subnet there", async () => {
    const share = (input: EnvironmentInput): void => {
      zoneOf(input, "b").availabilityZone = "eu-central-1a";
      withoutPublic(input, "b");
    };
    const stack = await network(share);
    expect(all(stack, "aws_nat_gateway")).toHaveLength(2);
    const closed = await network((input) => {
      share(input);
      withoutPublic(input, "a", "c");
      inTarget(input, { egress: "none" });
    });
    const interfaces = all(closed, "aws_vpc_endpoint").filter((each) => each["vpc_endpoint_type"] === "Interface");
    expect(interfaces.map((each) => each["service_name"])).toEqual(["com.amazonaws.eu-central-1.ssm"]);
    for (const each of interfaces)
      expect(each["subnet_ids"]).toEqual(["${aws_subnet.private-a.id}", "${aws_subnet.private-c.id}"]);
    expect(addresses(closed).filter((address) => /nat|internet|eip/.test(address))).toEqual([]);
    const bySession = await network((input) => {
      withoutPublic(input, "a", "b", "c");
      inTarget(input, { egress: "none", sessionManager: true });
    });
    expect(all(bySession, "aws_vpc_endpoint").map((each) => each["service_name"])).toEqual(
      ["s3", "ssm", "ssmmessages"].map((service) => `com.amazonaws.eu-central-1.${service}`),
    );
  });

  it("an existing VPC is looked at, and nothing of it is made or changed", async () => {
    const stack = await network((input) => {
      inTarget(input, { vpcId: "vpc-0123456789abcdef0" });
      withoutPublic(input, "a", "b", "c");
      for (const zone of ["a", "b", "c"]) zoneOf(input, zone).subnetId = `subnet-0123456789abcde0${zone}`;
    });
    expect(stack.resource).toBeUndefined();
    expect(stack.data?.["aws_subnet"]?.["private-b"]).toMatchObject({
      id: "subnet-0123456789abcde0b",
      lifecycle: {
        postcondition: [
          {
            condition: '${self.availability_zone == "eu-central-1b"}',
            error_message:
              "vpc-0123456789abcdef0 has subnet-0123456789abcde0b in ${self.availability_zone}, and not in eu-central-1b; correct " +
              "zones.b.subnetId or zones.b.availabilityZone in environments/prod.ts. Nothing was changed.",
          },
          { condition: '${self.cidr_block == "10.0.2.0/24"}' },
        ],
      },
    });
    expect(stack.output["vpc_id"]?.value).toBe("${data.aws_vpc.vpc.id}");
  });

  it("is made in the environment's account and region alone, and says whose it is", async () => {
    const { provider, terraform } = await network();
    expect(provider.aws).toMatchObject([
      {
        region: "eu-central-1",
        allowed_account_ids: ["123456789012"],
        default_tags: [{ tags: { Project: "redis-ha", Environment: "prod", ManagedBy: "cdktf-redis-ha" } }],
      },
    ]);
    expect(terraform.backend).toMatchObject({
      s3: { bucket: "state-bucket", key: "redis-ha/prod/prod-network.tfstate", encrypt: true, use_lockfile: true },
    });
  });

  it("allows no action on everything", async () => {
    const stack = await network();
    const policies = all(stack, "aws_iam_role_policy").map((each) => String(each["policy"]));
    expect(policies).toEqual([expect.stringContaining("logs:PutLogEvents")]);
    for (const policy of policies) expect(policy).not.toContain('"*"');
  });
});
