import { Eip } from "@cdktf/provider-aws/lib/eip/index.js";
import { NatGateway } from "@cdktf/provider-aws/lib/nat-gateway/index.js";
import { Route } from "@cdktf/provider-aws/lib/route/index.js";
import type { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { natZoneOf, natZones } from "../environments/network.ts";
import { at } from "./address.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";
import type { ZoneNetwork } from "./network-stack.ts";
import { EVERYWHERE, type PublicSubnets } from "./public-subnets.ts";

export interface NatEgressProps {
  readonly environment: AwsEnvironment;
  readonly zones: readonly ZoneNetwork[];
  readonly publicSubnets: PublicSubnets;
}

/**
 * How machines without a public address reach the internet, and nobody there reaches them: NAT gateways in public subnets.
 * Nothing, where the environment does without.
 */
export class NatEgress extends Construct {
  public constructor(stack: TerraformStack, { environment, zones, publicSubnets }: NatEgressProps) {
    super(stack, "nat");
    const gateways = new Map(
      natZones(environment).map((zone) => {
        const tags = { Name: `${prefixOf(environment)}-nat-${zone}` };
        const dependsOn = [...publicSubnets.wayOut];
        const address = at(`nat-${zone}`, new Eip(this, `address-${zone}`, { domain: "vpc", tags, dependsOn }));
        const gateway = new NatGateway(this, `gateway-${zone}`, {
          allocationId: address.id,
          subnetId: publicSubnets.of(zone),
          tags,
          dependsOn,
        });
        return [zone, at(`gateway-${zone}`, gateway)];
      }),
    );
    for (const { zone, routeTableId } of zones) {
      const gateway = gateways.get(natZoneOf(environment, zone) ?? "");
      if (!gateway) continue;
      const name = `out-of-${zone}`;
      const route = new Route(this, name, {
        routeTableId,
        destinationCidrBlock: EVERYWHERE,
        natGatewayId: gateway.id,
      });
      at(name, route);
    }
  }
}
