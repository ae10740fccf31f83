import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group/index.js";
import { VpcEndpoint } from "@cdktf/provider-aws/lib/vpc-endpoint/index.js";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { firstZones } from "../environments/network.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import type { ZoneNetwork } from "./network-stack.ts";

export interface VpcEndpointsProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
  readonly zones: readonly ZoneNetwork[];
}

/** Ways to services of AWS that lead through no NAT gateway: to S3 always, which costs nothing; to others where there is no gateway. */
export class VpcEndpoints extends Construct {
  public constructor(stack: TerraformStack, { environment, vpcId, zones }: VpcEndpointsProps) {
    super(stack, "endpoints");
    const prefix = prefixOf(environment);
    const { region, egress, vpcCidr, sessionManager } = environment.target;
    const name = (service: string) => ({ Name: `${prefix}-${service}` });
    new VpcEndpoint(this, "s3", {
      vpcId,
      serviceName: `com.amazonaws.${region}.s3`,
      vpcEndpointType: "Gateway",
      routeTableIds: zones.map(({ routeTableId }) => routeTableId),
      tags: name("s3"),
    });
    if (egress !== "none") return;
    const group = new SecurityGroup(this, "group", {
      name: `${prefix}-endpoints`,
      description: "Endpoints of AWS services",
      vpcId,
      tags: name("endpoints"),
    });
    new VpcSecurityGroupIngressRule(this, "https", {
      securityGroupId: group.id,
      description: "HTTPS from the VPC",
      cidrIpv4: vpcCidr,
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
    });
    // An endpoint has one subnet in each availability zone.
    const first = firstZones(environment);
    const places = zones.filter(({ zone }) => first.includes(zone));
    // A machine says its keys in Parameter Store. Since 3.3.40 (2024), the agent of Session Manager needs no ec2messages beside these.
    for (const service of sessionManager ? ["ssm", "ssmmessages"] : ["ssm"]) {
      new VpcEndpoint(this, service, {
        vpcId,
        serviceName: `com.amazonaws.${region}.${service}`,
        vpcEndpointType: "Interface",
        subnetIds: places.map(({ subnetId }) => subnetId),
        securityGroupIds: [group.id],
        privateDnsEnabled: true,
        tags: name(service),
      });
    }
  }
}
