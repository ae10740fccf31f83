import { InternetGateway } from "@cdktf/provider-aws/lib/internet-gateway/index.js";
import { Route } from "@cdktf/provider-aws/lib/route/index.js";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table/index.js";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association/index.js";
import { Subnet } from "@cdktf/provider-aws/lib/subnet/index.js";
import type { ITerraformDependable, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { publicZones } from "../environments/network.ts";
import { at } from "./address.ts";
import { type AwsEnvironment, prefixOf } from "./aws-environment.ts";

export interface PublicSubnetsProps {
  readonly environment: AwsEnvironment;
  readonly vpcId: string;
}

export const EVERYWHERE = "0.0.0.0/0";

/**
 * Where NAT gateways and the bastion are: subnets with a way to the internet and back, for what has a public address of its own. No node
 * is in one. Nothing, where the environment does without.
 */
export class PublicSubnets extends Construct {
  /** What has a public address has to wait for this: AWS refuses it as long as the VPC has no way to the internet. */
  public readonly wayOut: readonly ITerraformDependable[];
  private readonly ids = new Map<string, string>();

  public constructor(stack: TerraformStack, { environment, vpcId }: PublicSubnetsProps) {
    super(stack, "public-subnets");
    const prefix = prefixOf(environment);
    const zones = publicZones(environment);
    this.wayOut = [];
    if (zones.length === 0) return;
    const internet = at("internet", new InternetGateway(this, "internet", { vpcId, tags: { Name: prefix } }));
    const routes = at("public", new RouteTable(this, "routes", { vpcId, tags: { Name: `${prefix}-public` } }));
    const out = new Route(this, "out", {
      routeTableId: routes.id,
      destinationCidrBlock: EVERYWHERE,
      gatewayId: internet.id,
    });
    this.wayOut = [internet, at("public", out)];
    for (const zone of zones) {
      const { availabilityZone, publicSubnetCidr } = environment.zones[zone] ?? {};
      const name = `public-${zone}`;
      const subnet = new Subnet(this, name, {
        vpcId,
        availabilityZone,
        cidrBlock: publicSubnetCidr,
        mapPublicIpOnLaunch: false,
        tags: { Name: `${prefix}-${name}` },
      });
      this.ids.set(zone, at(name, subnet).id);
      const association = new RouteTableAssociation(this, `${name}-routes`, {
        subnetId: subnet.id,
        routeTableId: routes.id,
      });
      at(name, association);
    }
  }

  /** The id of a zone's public subnet. @throws where there is none */
  public of(zone: string): string {
    const id = this.ids.get(zone);
    if (id === undefined) throw new Error(`the zone ${zone} has no public subnet`);
    return id;
  }
}
