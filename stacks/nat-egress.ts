import { Eip } from "@cdktf/provider-aws/lib/eip/index.js";
import { InternetGateway } from "@cdktf/provider-aws/lib/internet-gateway/index.js";
import { NatGateway } from "@cdktf/provider-aws/lib/nat-gateway/index.js";
import { Route } from "@cdktf/provider-aws/lib/route/index.js";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table/index.js";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association/index.js";
import { Subnet } from "@cdktf/provider-aws/lib/subnet/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { natZoneOf, natZones } from "../environments/network.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import type { ZoneNetwork } from "./network-stack.ts";

export interface NatEgressProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
  readonly zones: readonly ZoneNetwork[];
}

const EVERYWHERE = "0.0.0.0/0";

/**
 * How machines without a public address reach the internet, and nobody there reaches them: NAT gateways in public subnets
 * of their own. Nothing, where the environment does without.
 */
export class NatEgress extends Construct {
  public constructor(stack: TerraformStack, { environment, vpcId, zones }: NatEgressProps) {
    super(stack, "nat");
    const prefix = prefixOf(environment);
    const places = natZones(environment);
    if (places.length === 0) return;
    const internet = new InternetGateway(this, "internet", { vpcId, tags: { Name: prefix } });
    const routes = new RouteTable(this, "public", { vpcId, tags: { Name: `${prefix}-public` } });
    new Route(this, "out", { routeTableId: routes.id, destinationCidrBlock: EVERYWHERE, gatewayId: internet.id });
    const gateways = new Map(
      places.map((zone) => {
        const tags = { Name: `${prefix}-public-${zone}` };
        const { availabilityZone, publicSubnetCidr } = environment.zones[zone] ?? {};
        const subnet = new Subnet(this, `public-${zone}`, {
          vpcId,
          availabilityZone,
          cidrBlock: publicSubnetCidr,
          mapPublicIpOnLaunch: false,
          tags,
        });
        new RouteTableAssociation(this, `public-${zone}-routes`, { subnetId: subnet.id, routeTableId: routes.id });
        const address = new Eip(this, `address-${zone}`, { domain: "vpc", tags });
        const gateway = new NatGateway(this, `gateway-${zone}`, {
          allocationId: address.id,
          subnetId: subnet.id,
          tags,
          // AWS refuses it as long as the VPC has no way to the internet.
          dependsOn: [internet],
        });
        return [zone, gateway];
      }),
    );
    for (const { zone, routeTableId } of zones) {
      const gateway = gateways.get(natZoneOf(environment, zone) ?? "");
      if (gateway)
        new Route(this, `out-of-${zone}`, {
          routeTableId,
          destinationCidrBlock: EVERYWHERE,
          natGatewayId: gateway.id,
        });
    }
  }
}
