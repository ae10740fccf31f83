import type { Environment } from "./environment.ts";

/** The first zone of each availability zone. */
export function firstZones({ zones }: Environment): string[] {
  const seen = new Set<string | undefined>();
  return Object.entries(zones).flatMap(([name, { availabilityZone }]) => {
    if (seen.has(availabilityZone)) return [];
    seen.add(availabilityZone);
    return [name];
  });
}

/**
 * The zones in whose public subnets the NAT gateways are: one in each availability zone, or one for all, or none.
 * @returns their names, in the order of the environment
 */
export function natZones(environment: Environment): string[] {
  const { target } = environment;
  if (target.kind !== "aws" || target.vpcId !== undefined || target.egress === "none") return [];
  const first = firstZones(environment);
  return target.egress === "single-nat" ? first.slice(0, 1) : first;
}

/** The zone in whose public subnet the bastion is; undefined where there is none. */
export const bastionZone = ({ target, zones }: Environment): string | undefined =>
  target.kind === "aws" && target.bastion !== undefined && target.vpcId === undefined
    ? Object.keys(zones)[0]
    : undefined;

/** The zones that have a public subnet, for a NAT gateway, the bastion or both: their names, in the order of the environment. */
export function publicZones(environment: Environment): string[] {
  const needed = [...natZones(environment), bastionZone(environment)];
  return Object.keys(environment.zones).filter((zone) => needed.includes(zone));
}

/** The zone whose NAT gateway a zone's machines use; undefined where there is none. */
export function natZoneOf(environment: Environment, zone: string): string | undefined {
  const nats = natZones(environment);
  const place = environment.zones[zone]?.availabilityZone;
  return nats.find((name) => environment.zones[name]?.availabilityZone === place) ?? nats[0];
}
