import type { AwsTarget } from "../environment.ts";
import { instanceType } from "../instance-types.ts";
import { contains, holds, overlaps, toAddress, toCidr, toNumber, toRange, type Range } from "./cidr.ts";
import type { Problem, Rule, Subject } from "./rule.ts";

/** What Amazon's network asks of zones and addresses. Each rule keeps silent about ranges that another one refuses. */

export const awsTarget = ({ environment }: Subject): AwsTarget | undefined =>
  environment.target.kind === "aws" ? environment.target : undefined;

/** https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html: VPCs and subnets are /16 to /28. */
function rangeProblem(path: string, cidr: string): Problem[] {
  const range = toRange(cidr);
  if (range.prefix < 16 || range.prefix > 28)
    return [{ path, message: `${cidr}: AWS takes ranges from /16 to /28; use another length` }];
  if (toCidr(range) !== cidr)
    return [{ path, message: `${cidr} does not start at the range's first address; use ${toCidr(range)}` }];
  return [];
}

/** Each kind with its field; the private ones, which hold the nodes, come first. */
const SUBNETS = ["subnetCidr", "publicSubnetCidr"] as const;

interface Subnet {
  readonly zone: string;
  readonly field: (typeof SUBNETS)[number];
  readonly path: string;
  readonly cidr: string;
}

const subnetsOf = ({ environment }: Subject): Subnet[] =>
  SUBNETS.flatMap((field) =>
    Object.entries(environment.zones).flatMap(([zone, { [field]: cidr }]) =>
      cidr === undefined ? [] : [{ zone, field, path: `zones.${zone}.${field}`, cidr }],
    ),
  );

const wellFormedSubnets = (subject: Subject): (Subnet & { readonly range: Range })[] =>
  subnetsOf(subject)
    .filter(({ path, cidr }) => rangeProblem(path, cidr).length === 0)
    .map((subnet) => ({ ...subnet, range: toRange(subnet.cidr) }));

/** Undefined when the VPC's own range is refused. */
function vpcOf(subject: Subject): { cidr: string; range: Range } | undefined {
  const cidr = awsTarget(subject)?.vpcCidr;
  return cidr === undefined || rangeProblem("", cidr).length > 0 ? undefined : { cidr, range: toRange(cidr) };
}

function usableSubnets(subject: Subject): ReturnType<typeof wellFormedSubnets> {
  const vpc = vpcOf(subject);
  return wellFormedSubnets(subject).filter(({ range }) => !vpc || contains(vpc.range, range));
}

/** The subnet and the nodes of each zone whose subnet is worth comparing with. */
function addressesInSubnets(subject: Subject) {
  const holding = usableSubnets(subject).filter(({ field }) => field === "subnetCidr");
  return holding.flatMap((subnet) =>
    subject.nodes
      .filter(({ zone }) => zone === subnet.zone)
      .flatMap(({ path, address }) => (address === undefined ? [] : [{ subnet, path: `${path}.address`, address }])),
  );
}

export const incompleteAwsZone: Rule = (subject) =>
  !awsTarget(subject)
    ? []
    : Object.entries(subject.environment.zones).flatMap(([zone, { availabilityZone, subnetCidr }]) => {
        const problems: Problem[] = [];
        if (availabilityZone === undefined)
          problems.push({
            path: `zones.${zone}.availabilityZone`,
            message: `missing; name the availability zone that its machines are in, for example ${awsTarget(subject)?.region}a`,
          });
        if (subnetCidr === undefined)
          problems.push({
            path: `zones.${zone}.subnetCidr`,
            message: "missing; give the zone an address range inside target.vpcCidr",
          });
        return problems;
      });

export const awsFieldsElsewhere: Rule = (subject) =>
  awsTarget(subject)
    ? []
    : Object.entries(subject.environment.zones).flatMap(([zone, entry]) =>
        (["availabilityZone", "subnetCidr", "subnetId", "publicSubnetCidr", "releaseDataVolume"] as const)
          .filter((field) => entry[field] !== undefined)
          .map((field) => ({
            path: `zones.${zone}.${field}`,
            message: `has a meaning only for the target aws, and this one is ${subject.environment.target.kind}; remove it`,
          })),
      );

/** A plain zone adds a letter to the region's name, a Local Zone a place (us-west-2-lax-1a). */
export const availabilityZoneOutsideRegion: Rule = (subject) => {
  const region = awsTarget(subject)?.region;
  return region === undefined
    ? []
    : Object.entries(subject.environment.zones).flatMap(([zone, { availabilityZone }]) =>
        availabilityZone === undefined ||
        (availabilityZone.startsWith(region) && /^([a-z]|-[a-z0-9-]+)$/.test(availabilityZone.slice(region.length)))
          ? []
          : [
              {
                path: `zones.${zone}.availabilityZone`,
                message: `"${availabilityZone}" is no availability zone of target.region ${region}; use for example ${region}a`,
              },
            ],
      );
};

/** All machines of an environment run the same image. */
export const witnessOfAnotherArchitecture: Rule = (subject) => {
  const target = awsTarget(subject);
  if (target?.witnessInstanceType === undefined) return [];
  const [data, witness] = [target.instanceType, target.witnessInstanceType].map((type) => instanceType(type));
  return !data || !witness || data.architecture === witness.architecture
    ? []
    : [
        {
          path: "target.witnessInstanceType",
          message: `${target.witnessInstanceType} is ${witness.architecture}, and ${target.instanceType} is ${data.architecture}: one image cannot run on both; use a type of the same architecture`,
        },
      ];
};

export const malformedRange: Rule = (subject) => {
  const target = awsTarget(subject);
  return !target
    ? []
    : [
        ...rangeProblem("target.vpcCidr", target.vpcCidr),
        ...subnetsOf(subject).flatMap(({ path, cidr }) => rangeProblem(path, cidr)),
      ];
};

export const subnetOutsideVpc: Rule = (subject) => {
  const vpc = vpcOf(subject);
  return !vpc
    ? []
    : wellFormedSubnets(subject)
        .filter(({ range }) => !contains(vpc.range, range))
        .map(({ path, cidr }) => ({
          path,
          message: `${cidr} is not inside target.vpcCidr ${vpc.cidr}; use a part of that range`,
        }));
};

export const overlappingSubnets: Rule = (subject) => {
  if (!awsTarget(subject)) return [];
  const subnets = usableSubnets(subject);
  return subnets.flatMap((subnet, index) => {
    const other = subnets.slice(0, index).find(({ range }) => overlaps(range, subnet.range));
    return other
      ? [
          {
            path: subnet.path,
            message: `${subnet.cidr} overlaps ${other.path} ${other.cidr}; give each zone a range of its own`,
          },
        ]
      : [];
  });
};

export const addressOutsideSubnet: Rule = (subject) =>
  !awsTarget(subject)
    ? []
    : addressesInSubnets(subject)
        .filter(({ subnet, address }) => !holds(subnet.range, address))
        .map(({ subnet, path, address }) => ({
          path,
          message: `${address} is not inside its zone's subnet ${subnet.cidr}; use ${freeAddresses(subnet.range)}`,
        }));

export const reservedAddress: Rule = (subject) =>
  !awsTarget(subject)
    ? []
    : addressesInSubnets(subject)
        .filter(({ subnet: { range }, address }) => {
          const value = toNumber(address);
          return holds(range, address) && (value < range.first + 4 || value === range.last);
        })
        .map(({ subnet, path, address }) => ({
          path,
          message: `AWS keeps ${address} for itself: the first four addresses and the last one of ${subnet.cidr}; use ${freeAddresses(subnet.range)}`,
        }));

const freeAddresses = (range: Range): string => `${toAddress(range.first + 4)} to ${toAddress(range.last - 1)}`;
