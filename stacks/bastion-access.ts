import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group/index.js";
import { VpcSecurityGroupEgressRule } from "@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { at } from "./address.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import { HTTP_PORT, HTTPS_PORT, SSH_PORT } from "./ports.ts";
import { EVERYWHERE } from "./public-subnets.ts";

export interface BastionAccessProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
}

/**
 * Who may reach the bastion: by ssh, who is named. It reaches the ssh of the VPC, and as the nodes what the network lets it: it says its keys in
 * Parameter Store, and gets Debian's upgrades.
 *
 * The group is there without a bastion, too, empty: the nodes' rules name it, and AWS deletes no group that another one's rule names. So
 * the network can be applied before the nodes' rules also when the bastion is taken away.
 */
export class BastionAccess extends Construct {
  public readonly groupId: string;

  public constructor(stack: TerraformStack, { environment, vpcId }: BastionAccessProps) {
    super(stack, "bastion-access");
    const { bastion, vpcCidr, egress } = environment.target;
    const name = `${prefixOf(environment)}-bastion`;
    const group = new SecurityGroup(this, "group", {
      name,
      description: "Bastion of a Redis cluster",
      vpcId,
      tags: { Name: name },
    });
    this.groupId = at("bastion", group).id;
    if (bastion === undefined) return;
    const rule = (port: number, cidrIpv4: string) => ({
      securityGroupId: this.groupId,
      ...{ ipProtocol: "tcp", fromPort: port, toPort: port, cidrIpv4 },
    });
    for (const cidr of bastion.cidrs) {
      // After its source alone, so that the others stay when one is added.
      const id = `bastion-from-${cidr.replaceAll(/[./]/g, "-")}`;
      at(id, new VpcSecurityGroupIngressRule(this, id, rule(SSH_PORT, cidr)));
    }
    at("bastion-ssh", new VpcSecurityGroupEgressRule(this, "ssh", rule(SSH_PORT, vpcCidr)));
    const web = egress === "none" ? vpcCidr : EVERYWHERE;
    at("bastion-https", new VpcSecurityGroupEgressRule(this, "https", rule(HTTPS_PORT, web)));
    // Debian's packages come over either.
    if (egress !== "none") at("bastion-http", new VpcSecurityGroupEgressRule(this, "http", rule(HTTP_PORT, web)));
  }
}
