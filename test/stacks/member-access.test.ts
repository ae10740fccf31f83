import { TerraformStack } from "cdktf";
import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { addAwsProvider } from "../../stacks/aws-environment.ts";
import { MemberAccess } from "../../stacks/member-access.ts";
import { nodeOf, zoneOf } from "../environments/inputs.ts";
import { allOf, type AwsStack, awsStack, inTarget } from "../support/aws-stack.ts";

const access = (change?: (input: EnvironmentInput) => void): Promise<AwsStack> =>
  awsStack((app, environment) => {
    const stack = new TerraformStack(app, "access");
    addAwsProvider(stack, environment);
    new MemberAccess(stack, { environment, vpcId: "vpc-1" });
  }, change);

type Rule = Record<string, unknown>;
const source = (rule: Rule): unknown =>
  rule["cidr_ipv4"] ?? rule["prefix_list_id"] ?? rule["referenced_security_group_id"];
/** Source, or destination, and port, sorted. */
const rules = (stack: AwsStack, way: "ingress" | "egress"): string[] =>
  allOf(stack, `aws_vpc_security_group_${way}_rule`)
    .map((rule) => {
      expect(rule).toMatchObject({ ip_protocol: "tcp", to_port: rule["from_port"] });
      const from = String(source(rule))
        .replace(/^.*members_group.*$/, "members")
        .replace(/^.*data\.aws_prefix_list.*$/, "S3");
      return `${from} ${String(rule["from_port"])}`;
    })
    .sort();

describe("who may reach the machines of a cluster on AWS", () => {
  it("they each other, and nobody else unless the environment says so", async () => {
    const stack = await access((input) => inTarget(input, { operators: {}, sessionManager: true }));
    expect(rules(stack, "ingress")).toEqual(["members 26379", "members 6379"]);
  });

  it("clients reach servers and Sentinels, operators ssh, and neither the other's", async () => {
    const stack = await access((input) =>
      inTarget(input, {
        clients: { cidrs: ["10.1.0.0/16"], securityGroupIds: ["sg-0123456789abcdef0"] },
        operators: { cidrs: ["10.1.0.0/16"] },
      }),
    );
    expect(rules(stack, "ingress")).toEqual([
      "10.1.0.0/16 22",
      "10.1.0.0/16 26379",
      "10.1.0.0/16 6379",
      "members 26379",
      "members 6379",
      "sg-0123456789abcdef0 26379",
      "sg-0123456789abcdef0 6379",
    ]);
  });

  it("ports of one's own are let in once each, and the standard ones are not then", async () => {
    const stack = await access((input) => {
      for (const zone of ["a", "b", "c"]) Object.assign(nodeOf(input, zone), { port: 7000, sentinelPort: 27000 });
    });
    expect(rules(stack, "ingress")).toEqual(["10.9.0.0/16 22", "members 27000", "members 7000"]);
  });

  it("they get packages and services of AWS, or only the latter where there is no way out", async () => {
    expect(rules(await access(), "egress")).toEqual(["0.0.0.0/0 443", "0.0.0.0/0 80", "members 26379", "members 6379"]);
    const closed = await access((input) => {
      inTarget(input, { egress: "none" });
      for (const zone of ["a", "b", "c"]) delete zoneOf(input, zone).publicSubnetCidr;
    });
    expect(rules(closed, "egress")).toEqual(["10.0.0.0/16 443", "S3 443", "members 26379", "members 6379"]);
  });
});
