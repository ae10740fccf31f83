import type { Environment } from "../environment.ts";
import { bastionZone, natZones, publicZones } from "../network.ts";
import { toCidr, toRange } from "./cidr.ts";
import { awsTarget } from "./aws.ts";
import type { Problem, Rule } from "./rule.ts";

/** What a VPC of ours, and one that is there already, ask of zones. */

type Zone = Environment["zones"][string];

/** A problem with one field of some zones. */
const inZones = (
  environment: Environment,
  field: keyof Zone,
  message: (zone: Zone, name: string) => string | undefined,
): Problem[] =>
  Object.entries(environment.zones).flatMap(([name, zone]) => {
    const found = message(zone, name);
    return found === undefined ? [] : [{ path: `zones.${name}.${field}`, message: found }];
  });

export const fieldsOfAnotherVpc: Rule = (subject) => {
  const { environment } = subject;
  const target = awsTarget(subject);
  if (!target) return [];
  if (target.vpcId === undefined)
    return inZones(environment, "subnetId", ({ subnetId }) =>
      subnetId === undefined
        ? undefined
        : "is for a VPC that is there already; name it in target.vpcId, or remove this",
    );
  return [
    ...(target.egress === undefined
      ? []
      : [{ path: "target.egress", message: `is up to ${target.vpcId}, which is there already; remove it` }]),
    ...inZones(environment, "publicSubnetCidr", ({ publicSubnetCidr }) =>
      publicSubnetCidr === undefined ? undefined : `is for a VPC that is made, and target.vpcId names one; remove it`,
    ),
    ...inZones(environment, "subnetId", ({ subnetId }) =>
      subnetId === undefined ? `missing; name the subnet of ${target.vpcId} that has this zone's addresses` : undefined,
    ),
  ];
};

/** A rule for everybody is a mistake; half of the internet is no better. */
const WIDEST_PREFIX = 8;

export const openToEverybody: Rule = (subject) => {
  const target = awsTarget(subject);
  return (["clients", "operators", "bastion"] as const).flatMap((who) =>
    (target?.[who]?.cidrs ?? []).flatMap((cidr, index): Problem[] => {
      const path = `target.${who}.cidrs[${index}]`;
      const range = toRange(cidr);
      if (range.prefix < WIDEST_PREFIX)
        return [{ path, message: `${cidr} lets half of the internet in; name the networks that need it` }];
      return toCidr(range) === cidr
        ? []
        : [{ path, message: `${cidr} does not start at the range's first address; use ${toCidr(range)}` }];
    }),
  );
};

/** NAT gateways and the bastion have their place in a public subnet. */
export const publicSubnets: Rule = (subject) => {
  const { environment } = subject;
  if (!awsTarget(subject)) return [];
  const [needed, nats, bastion] = [publicZones(environment), natZones(environment), bastionZone(environment)];
  return inZones(environment, "publicSubnetCidr", ({ publicSubnetCidr, availabilityZone }, name) => {
    if (needed.includes(name) && publicSubnetCidr === undefined) {
      const [what, instead] = nats.includes(name)
        ? [`the NAT gateway${name === bastion ? " and the bastion" : ""}`, "or set target.egress"]
        : ["the bastion", "or remove target.bastion"];
      return `missing; give a range for ${what} in ${availabilityZone}, a /28 is enough, ${instead}`;
    }
    if (!needed.includes(name) && publicSubnetCidr !== undefined)
      return "nothing needs a public subnet here; remove it";
    return undefined;
  });
};
