import { DataAwsPrefixList } from "@cdktf/provider-aws/lib/data-aws-prefix-list/index.js";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group/index.js";
import { VpcSecurityGroupEgressRule } from "@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { topologyOf } from "../topology/topology.ts";
import type { AwsTarget } from "../environments/environment.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import { HTTP_PORT, HTTPS_PORT, SSH_PORT } from "./ports.ts";
import { EVERYWHERE } from "./public-subnets.ts";

export interface MemberAccessProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
  /** The security group of the bastion. @default - there is none */
  readonly bastionGroupId?: string | undefined;
}

/** One source of connections, as a rule has it. */
type Source = { readonly cidrIpv4: string } | { readonly referencedSecurityGroupId: string };

/**
 * Who may reach the machines of a cluster: they each other and the clients their servers, operators and the bastion their ssh,
 * and nobody anything else. They themselves reach each other, and by HTTPS and HTTP what the network lets them.
 */
export class MemberAccess extends Construct {
  /** The security group that each machine is a member of. */
  public readonly group: SecurityGroup;

  public constructor(stack: TerraformStack, { environment, vpcId, bastionGroupId }: MemberAccessProps) {
    super(stack, "members");
    const { target } = environment;
    const name = `${prefixOf(environment)}-members`;
    this.group = new SecurityGroup(this, "group", {
      name,
      description: "Nodes of a Redis cluster",
      vpcId,
      tags: { Name: name },
    });
    const members: Source = { referencedSecurityGroupId: this.group.id };
    const ports = serverPorts(environment);
    for (const port of ports) {
      this.letIn("members", port, members);
      this.letOut("members", port, members);
    }
    for (const [id, source] of sourcesOf(target.clients)) for (const port of ports) this.letIn(id, port, source);
    for (const [id, source] of sourcesOf(target.operators)) this.letIn(id, SSH_PORT, source);
    if (bastionGroupId !== undefined) this.letIn("bastion", SSH_PORT, { referencedSecurityGroupId: bastionGroupId });
    if (target.egress === "none") {
      this.letOut("vpc", HTTPS_PORT, { cidrIpv4: target.vpcCidr });
      const { id: prefixListId } = new DataAwsPrefixList(this, "s3", { name: `com.amazonaws.${target.region}.s3` });
      const rule = { prefixListId, ipProtocol: "tcp", fromPort: HTTPS_PORT, toPort: HTTPS_PORT };
      new VpcSecurityGroupEgressRule(this, "to-s3", { securityGroupId: this.group.id, ...rule });
    } else {
      // Debian's packages come over either.
      for (const port of [HTTPS_PORT, HTTP_PORT]) this.letOut("everywhere", port, { cidrIpv4: EVERYWHERE });
    }
  }

  private letIn(id: string, port: number, source: Source): void {
    const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, ...source };
    new VpcSecurityGroupIngressRule(this, `from-${id}-${port}`, { securityGroupId: this.group.id, ...rule });
  }

  private letOut(id: string, port: number, source: Source): void {
    const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, ...source };
    new VpcSecurityGroupEgressRule(this, `to-${id}-${port}`, { securityGroupId: this.group.id, ...rule });
  }
}

/** Of redis-server and Sentinel, each once, in order. */
function serverPorts(environment: AwsEnvironment): number[] {
  const ports = topologyOf(environment).nodes.flatMap(({ redisPort, sentinelPort }) => [redisPort, sentinelPort]);
  return [...new Set(ports.filter((port) => port !== undefined))].sort((a, b) => a - b);
}

/** By a name that depends on nothing but the source, so that the others' rules stay when one is added. */
const sourcesOf = ({ cidrs, securityGroupIds }: AwsTarget["clients"]): [id: string, source: Source][] => [
  ...cidrs.map((cidr): [string, Source] => [cidr.replaceAll(/[./]/g, "-"), { cidrIpv4: cidr }]),
  ...securityGroupIds.map((id): [string, Source] => [id, { referencedSecurityGroupId: id }]),
];
