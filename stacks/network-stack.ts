import { DataAwsSubnet } from "@cdktf/provider-aws/lib/data-aws-subnet/index.js";
import { DataAwsVpc } from "@cdktf/provider-aws/lib/data-aws-vpc/index.js";
import { DefaultSecurityGroup } from "@cdktf/provider-aws/lib/default-security-group/index.js";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table/index.js";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association/index.js";
import { Subnet } from "@cdktf/provider-aws/lib/subnet/index.js";
import { Vpc } from "@cdktf/provider-aws/lib/vpc/index.js";
import { type App, TerraformOutput, TerraformStack } from "cdktf";
import { addAwsProvider, type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import { checkAvailabilityZones } from "./availability-zones.ts";
import { Bastion } from "./bastion.ts";
import { BastionAccess } from "./bastion-access.ts";
import { FlowLogs } from "./flow-logs.ts";
import { NatEgress } from "./nat-egress.ts";
import { PublicSubnets } from "./public-subnets.ts";
import { networkStackName } from "./stack-name.ts";
import { addStateBackend } from "./state-backend.ts";
import { VpcEndpoints } from "./vpc-endpoints.ts";

/**
 * Where an environment's machines are: a VPC with a private subnet a zone, or one that is there already.
 *
 * Outputs: `vpc_id`, `subnet_id_<zone>` of each zone, and `bastion_security_group_id` where there is a bastion.
 */
export class NetworkStack extends TerraformStack {
  public constructor(app: App, environment: AwsEnvironment) {
    super(app, networkStackName(environment.name));
    addStateBackend(this, environment);
    addAwsProvider(this, environment);

    const { vpcId, subnetIds, bastionGroupId } =
      environment.target.vpcId === undefined
        ? this.made(environment)
        : this.found(environment, environment.target.vpcId);
    new TerraformOutput(this, "vpc_id", { value: vpcId });
    for (const [zone, value] of Object.entries(subnetIds)) new TerraformOutput(this, `subnet_id_${zone}`, { value });
    if (bastionGroupId !== undefined) new TerraformOutput(this, "bastion_security_group_id", { value: bastionGroupId });
  }

  private made(environment: AwsEnvironment): NetworkIds {
    const prefix = prefixOf(environment);
    checkAvailabilityZones(this, environment);
    const vpc = new Vpc(this, "vpc", {
      cidrBlock: environment.target.vpcCidr,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: prefix },
    });
    // AWS gives every VPC one that lets its members speak to each other, and whatever names none is a member.
    new DefaultSecurityGroup(this, "default", { vpcId: vpc.id, ingress: [], egress: [] });
    new FlowLogs(this, { environment, vpcId: vpc.id });

    const zones = Object.entries(environment.zones).map(([zone, { availabilityZone, subnetCidr }]) => {
      const tags = { Name: `${prefix}-${zone}` };
      const subnet = new Subnet(this, `private-${zone}`, {
        vpcId: vpc.id,
        cidrBlock: subnetCidr,
        availabilityZone,
        mapPublicIpOnLaunch: false,
        tags,
      });
      const routes = new RouteTable(this, `routes-${zone}`, { vpcId: vpc.id, tags });
      new RouteTableAssociation(this, `private-${zone}-routes`, { subnetId: subnet.id, routeTableId: routes.id });
      return { zone, subnetId: subnet.id, routeTableId: routes.id };
    });
    const publicSubnets = new PublicSubnets(this, { environment, vpcId: vpc.id });
    new NatEgress(this, { environment, zones, publicSubnets });
    new VpcEndpoints(this, { environment, vpcId: vpc.id, zones });
    const { groupId } = new BastionAccess(this, { environment, vpcId: vpc.id });
    new Bastion(this, { environment, groupId, publicSubnets });
    return {
      vpcId: vpc.id,
      subnetIds: Object.fromEntries(zones.map(({ zone, subnetId }) => [zone, subnetId])),
      bastionGroupId: environment.target.bastion && groupId,
    };
  }

  /** Nothing of it is changed. What the description says of it is compared with it, by the plan. */
  private found({ name, target, zones }: AwsEnvironment, id: string): NetworkIds {
    const says = (what: string, path: string): string =>
      `${id} ${what}; correct ${path} in environments/${name}.ts. Nothing was changed.`;
    const vpc = new DataAwsVpc(this, "vpc", { id });
    // A condition must not name what it is a condition of.
    const ranges = "[for each in self.cidr_block_associations : each.cidr_block]";
    vpc.addOverride("lifecycle.postcondition", [
      {
        condition: `\${contains(${ranges}, "${target.vpcCidr}")}`,
        error_message: says(`does not have the range ${target.vpcCidr}`, "target.vpcCidr"),
      },
    ]);
    const subnets = Object.entries(zones).map(([zone, { availabilityZone, subnetCidr, subnetId }]) => {
      const subnet = new DataAwsSubnet(this, `private-${zone}`, { id: subnetId, vpcId: vpc.id });
      subnet.addOverride("lifecycle.postcondition", [
        {
          condition: `\${self.availability_zone == "${availabilityZone}"}`,
          error_message: says(
            `has ${subnetId} in \${self.availability_zone}, and not in ${availabilityZone}`,
            `zones.${zone}.subnetId or zones.${zone}.availabilityZone`,
          ),
        },
        {
          condition: `\${self.cidr_block == "${subnetCidr}"}`,
          error_message: says(
            `has \${self.cidr_block} for ${subnetId}, and not ${subnetCidr}`,
            `zones.${zone}.subnetId or zones.${zone}.subnetCidr`,
          ),
        },
      ]);
      return [zone, subnet.id] as const;
    });
    return { vpcId: vpc.id, subnetIds: Object.fromEntries(subnets) };
  }
}

interface NetworkIds {
  readonly vpcId: string;
  /** By zone. */
  readonly subnetIds: Readonly<Record<string, string>>;
  /** @default - there is no bastion */
  readonly bastionGroupId?: string | undefined;
}

/** A zone's private subnet, and the routes out of it. */
export interface ZoneNetwork {
  readonly zone: string;
  readonly subnetId: string;
  readonly routeTableId: string;
}
