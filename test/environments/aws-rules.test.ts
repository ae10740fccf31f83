import { describe } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { check } from "./check.ts";
import { awsInput, nodeOf, zoneOf } from "./inputs.ts";

describe("target aws", () => {
  const setVpc = (input: EnvironmentInput, vpcCidr: string): void => {
    if (input.target.kind === "aws") input.target.vpcCidr = vpcCidr;
  };

  check(awsInput, [
    { rule: "nothing is wrong with the base", change: () => {}, lines: [] },
    {
      rule: "several zones may share an availability zone",
      change: (input) => (zoneOf(input, "b").availabilityZone = "eu-central-1a"),
      lines: [],
    },
    {
      rule: "a zone without availability zone and subnet",
      change: (input) => {
        delete zoneOf(input, "c").availabilityZone;
        delete zoneOf(input, "c").subnetCidr;
      },
      lines: [
        "zones.c.availabilityZone: missing; name the availability zone that its machines are in, for example eu-central-1a",
        "zones.c.subnetCidr: missing; give the zone an address range inside target.vpcCidr",
      ],
    },
    {
      rule: "an availability zone of another region",
      change: (input) => (zoneOf(input, "c").availabilityZone = "eu-west-1c"),
      lines: [
        'zones.c.availabilityZone: "eu-west-1c" is no availability zone of target.region eu-central-1; use for example eu-central-1a',
      ],
    },
    {
      rule: "a region in the place of an availability zone",
      change: (input) => (zoneOf(input, "c").availabilityZone = "eu-central-1"),
      lines: [
        'zones.c.availabilityZone: "eu-central-1" is no availability zone of target.region eu-central-1; use for example eu-central-1a',
      ],
    },
    {
      rule: "a region whose name begins with the target's",
      change: (input) => (zoneOf(input, "c").availabilityZone = "eu-central-12a"),
      lines: [
        'zones.c.availabilityZone: "eu-central-12a" is no availability zone of target.region eu-central-1; use for example eu-central-1a',
      ],
    },
    {
      rule: "a Local Zone",
      change: (input) => (zoneOf(input, "c").availabilityZone = "eu-central-1-ham-1a"),
      lines: [],
    },
    {
      rule: "a subnet outside the VPC, said once",
      change: (input) => (zoneOf(input, "b").subnetCidr = "10.1.2.0/24"),
      lines: ["zones.b.subnetCidr: 10.1.2.0/24 is not inside target.vpcCidr 10.0.0.0/16; use a part of that range"],
    },
    {
      rule: "a subnet larger than the VPC",
      change: (input) => {
        setVpc(input, "10.0.0.0/22");
        zoneOf(input, "b").subnetCidr = "10.0.0.0/21";
      },
      lines: ["zones.b.subnetCidr: 10.0.0.0/21 is not inside target.vpcCidr 10.0.0.0/22; use a part of that range"],
    },
    {
      rule: "a subnet that does not start at its first address",
      change: (input) => (zoneOf(input, "b").subnetCidr = "10.0.2.10/24"),
      lines: ["zones.b.subnetCidr: 10.0.2.10/24 does not start at the range's first address; use 10.0.2.0/24"],
    },
    {
      rule: "a VPC too large for AWS",
      change: (input) => setVpc(input, "10.0.0.0/8"),
      lines: ["target.vpcCidr: 10.0.0.0/8: AWS takes ranges from /16 to /28; use another length"],
    },
    {
      rule: "a subnet too small for AWS",
      change: (input) => (zoneOf(input, "b").subnetCidr = "10.0.2.0/29"),
      lines: ["zones.b.subnetCidr: 10.0.2.0/29: AWS takes ranges from /16 to /28; use another length"],
    },
    {
      rule: "overlapping subnets",
      change: (input) => (zoneOf(input, "c").subnetCidr = "10.0.2.0/23"),
      lines: [
        "zones.c.subnetCidr: 10.0.2.0/23 overlaps zones.b.subnetCidr 10.0.2.0/24; give each zone a range of its own",
      ],
    },
    {
      rule: "subnets in any order",
      change: (input) => {
        zoneOf(input, "a").subnetCidr = "10.0.9.0/24";
        nodeOf(input, "a").address = "10.0.9.10";
      },
      lines: [],
    },
    {
      rule: "an address below its zone's subnet",
      change: (input) => (nodeOf(input, "c").address = "10.0.0.10"),
      lines: [
        "zones.c.nodes[0].address: 10.0.0.10 is not inside its zone's subnet 10.0.3.0/24; use 10.0.3.4 to 10.0.3.254",
      ],
    },
    {
      rule: "an address outside its zone's subnet",
      change: (input) => (nodeOf(input, "c").address = "10.0.4.10"),
      lines: [
        "zones.c.nodes[0].address: 10.0.4.10 is not inside its zone's subnet 10.0.3.0/24; use 10.0.3.4 to 10.0.3.254",
      ],
    },
    ...["10.0.3.0", "10.0.3.3", "10.0.3.255"].map((address) => ({
      rule: `the reserved address ${address}`,
      change: (input: EnvironmentInput) => (nodeOf(input, "c").address = address),
      lines: [
        `zones.c.nodes[0].address: AWS keeps ${address} for itself: the first four addresses and the last one of 10.0.3.0/24; use 10.0.3.4 to 10.0.3.254`,
      ],
    })),
    ...["10.0.3.4", "10.0.3.254"].map((address) => ({
      rule: `the free address ${address}`,
      change: (input: EnvironmentInput) => (nodeOf(input, "c").address = address),
      lines: [],
    })),
    {
      rule: "addresses above 127.255.255.255 are compared as numbers without a sign",
      change: (input) => {
        setVpc(input, "192.168.0.0/16");
        for (const [index, zone] of ["a", "b", "c"].entries()) {
          zoneOf(input, zone).subnetCidr = `192.168.${index}.0/24`;
          nodeOf(input, zone).address = `192.168.${index}.10`;
        }
      },
      lines: [],
    },
    {
      rule: "a missing address",
      change: (input) => delete nodeOf(input, "b").address,
      lines: ["zones.b.nodes[0].address: missing; give the node a fixed IPv4 address in its zone's subnet"],
    },
    {
      rule: "maxMemoryMb above 45 % of the instance",
      change: (input) => (input.settings.maxMemoryMb = 4096),
      lines: [
        "settings.maxMemoryMb: 4096 MiB is more than 45 % of a host's 8192 MiB (target.hostMemoryMb), and a fork under writes can double it; use 3686 or less, or larger hosts",
      ],
    },
  ]);
});
