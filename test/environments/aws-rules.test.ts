import { describe } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { example } from "../../environments/example.ts";
import { check } from "./check.ts";
import { awsInput, nodeOf, zoneOf } from "./inputs.ts";

describe("target aws", () => {
  const setVpc = (input: EnvironmentInput, vpcCidr: string): void => {
    if (input.target.kind === "aws") input.target.vpcCidr = vpcCidr;
  };

  /** None of the zones has a public subnet then. */
  const setEgress = (input: EnvironmentInput, egress: "single-nat" | "none" | undefined): void => {
    if (input.target.kind !== "aws") return;
    input.target.egress = egress;
    for (const zone of Object.values(input.zones)) delete zone.publicSubnetCidr;
  };
  const setExisting = (input: EnvironmentInput): void => {
    setEgress(input, undefined);
    if (input.target.kind === "aws") input.target.vpcId = "vpc-0123456789abcdef0";
    for (const [index, zone] of Object.values(input.zones).entries()) zone.subnetId = `subnet-0123456789abcdef${index}`;
  };

  check(awsInput, [
    { rule: "nothing is wrong with the base", change: () => {}, lines: [] },
    {
      rule: "several zones may share an availability zone",
      change: (input) => {
        zoneOf(input, "b").availabilityZone = "eu-central-1a";
        delete zoneOf(input, "b").publicSubnetCidr;
      },
      lines: [],
    },
    {
      rule: "a witness whose machine cannot run the others' image",
      change: (input) => Object.assign(input.target, { witnessInstanceType: "t3.small" }),
      lines: [
        "target.witnessInstanceType: t3.small is x86_64, and m7g.large is arm64: one image cannot run on both; use a type of the same architecture",
      ],
    },
    {
      rule: "a witness on a smaller machine",
      change: (input) => Object.assign(input.target, { witnessInstanceType: "t4g.small" }),
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
        setEgress(input, "none");
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
      rule: "what is left of the examples when the account is a real one",
      change: (input) => {
        Object.assign(input.target, { accountId: "210987654321", publicKeys: [`ssh-ed25519 ${example.publicKey} me`] });
        input.backend = { kind: "s3", bucket: "redis-ha-state-123456789012", region: "eu-central-1" };
      },
      lines: [
        "target.publicKeys[0]: is the example's, and nobody has its private half; use your own",
        "target.imageId: is the example's, and no image; docs/aws.md shows how to find that of Debian 13 in eu-central-1",
        "backend.bucket: redis-ha-state-123456789012 is the example's; use a name with your own account",
      ],
    },
    {
      rule: "nobody who gets in",
      change: (input) => Object.assign(input.target, { operators: {} }),
      lines: [
        "target: nobody would get in to the machines, not even an apply; add sessionManager, a bastion, or operators (docs/aws-access.md)",
      ],
    },
    {
      rule: "a volume that is full as soon as the memory is",
      change: (input) => Object.assign(input.target, { dataVolumeGb: 3 }),
      lines: [
        "target.dataVolumeGb: 3 GiB are too few for 2048 MiB of data, its file, and the file that is written anew; use 6, or at least 4",
      ],
    },
    {
      rule: "more keys than a first boot's script may have",
      change: (input) =>
        Object.assign(input.target, {
          publicKeys: Array.from({ length: 20 }, () => `ssh-rsa ${"A".repeat(700)} someone`),
        }),
      lines: [
        "target.publicKeys: together 14339 bytes, and 12000 have room in what a machine gets at its first boot; use ed25519 keys, or give those of who applies here, and the others to the machines later",
      ],
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
          zoneOf(input, zone).publicSubnetCidr = `192.168.255.${16 * index}/28`;
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
        "settings.maxMemoryMb: 4096 MiB is more than 45 % of a host's 7372 MiB (what the kernel leaves on a m7g.large), and a fork under writes can double it; use 3317 or less, or larger hosts",
      ],
    },
    {
      rule: "no maxMemoryMb with a type that is not known",
      change: (input) => {
        delete input.settings.maxMemoryMb;
        Object.assign(input.target, { instanceType: "x9z.large" });
      },
      lines: [
        "settings.maxMemoryMb: missing; give a whole number of MiB, or target.hostMemoryMb: the memory of x9z.large is not known here",
      ],
    },
    {
      rule: "no maxMemoryMb with a type that is too small for the backlog",
      change: (input) => {
        delete input.settings.maxMemoryMb;
        input.settings.replBacklogMb = 1024;
        Object.assign(input.target, { instanceType: "t4g.small" });
      },
      lines: [
        "settings.maxMemoryMb: 829 MiB is too little: redis counts what it keeps for replicas (settings.replBacklogMb, 1024 MiB) as used memory, and would soon refuse writes; use 1056 or more",
      ],
    },
    {
      rule: "names that make a bucket's too long",
      change: (input) => {
        input.project = "a-project-with-a-very-long-name";
        input.name = "production-in-frankfurt";
      },
      lines: [
        "name: with project a-project-with-a-very-long-name, the name of the bucket for backups has 76 characters, and AWS takes 63; shorten one of them by 13",
      ],
    },
    {
      rule: "names that make a role's too long",
      change: (input) => {
        input.project = "a-project-with-a-longer-name";
        nodeOf(input, "b").name = "redis-on-the-second-machine-b12";
      },
      lines: [
        "zones.b.nodes[0].name: a-project-with-a-longer-name-prod-redis-on-the-second-machine-b12, the name of its role, has 65 characters, and AWS takes 64; shorten it by 1",
      ],
    },
    { rule: "no way out of the VPC", change: (input) => setEgress(input, "none"), lines: [] },
    {
      rule: "one NAT gateway for all is in the first zone",
      change: (input) => setEgress(input, "single-nat"),
      lines: [
        "zones.a.publicSubnetCidr: missing; give a range for the NAT gateway in eu-central-1a, a /28 is enough, or set target.egress",
      ],
    },
    {
      rule: "a public subnet that nothing needs",
      change: (input) => {
        setEgress(input, "none");
        zoneOf(input, "c").publicSubnetCidr = "10.0.255.0/28";
      },
      lines: ["zones.c.publicSubnetCidr: nothing needs a public subnet here; remove it"],
    },
    {
      rule: "a public subnet in the place of a private one",
      change: (input) => (zoneOf(input, "a").publicSubnetCidr = "10.0.3.128/28"),
      lines: [
        "zones.a.publicSubnetCidr: 10.0.3.128/28 overlaps zones.c.subnetCidr 10.0.3.0/24; give each zone a range of its own",
      ],
    },
    {
      rule: "a public subnet outside the VPC",
      change: (input) => (zoneOf(input, "a").publicSubnetCidr = "10.1.0.0/28"),
      lines: [
        "zones.a.publicSubnetCidr: 10.1.0.0/28 is not inside target.vpcCidr 10.0.0.0/16; use a part of that range",
      ],
    },
    {
      rule: "a public subnet too small for AWS",
      change: (input) => (zoneOf(input, "a").publicSubnetCidr = "10.0.255.0/30"),
      lines: ["zones.a.publicSubnetCidr: 10.0.255.0/30: AWS takes ranges from /16 to /28; use another length"],
    },
    { rule: "an existing VPC", change: setExisting, lines: [] },
    {
      rule: "an existing VPC with what only one that is made has, and a subnet too few",
      change: (input) => {
        setExisting(input);
        if (input.target.kind === "aws") input.target.egress = "single-nat";
        zoneOf(input, "a").publicSubnetCidr = "10.0.255.0/28";
        delete zoneOf(input, "b").subnetId;
      },
      lines: [
        "target.egress: is up to vpc-0123456789abcdef0, which is there already; remove it",
        "zones.a.publicSubnetCidr: is for a VPC that is made, and target.vpcId names one; remove it",
        "zones.b.subnetId: missing; name the subnet of vpc-0123456789abcdef0 that has this zone's addresses",
      ],
    },
    {
      rule: "a subnet of no VPC",
      change: (input) => (zoneOf(input, "b").subnetId = "subnet-0123456789abcdef0"),
      lines: ["zones.b.subnetId: is for a VPC that is there already; name it in target.vpcId, or remove this"],
    },
    {
      rule: "everybody, and a range that does not start at its first address",
      change: (input) => {
        if (input.target.kind !== "aws") return;
        input.target.clients = { cidrs: ["10.1.0.0/16", "0.0.0.0/0"] };
        input.target.operators = { cidrs: ["10.2.0.7/24"] };
      },
      lines: [
        "target.clients.cidrs[1]: 0.0.0.0/0 lets half of the internet in; name the networks that need it",
        "target.operators.cidrs[0]: 10.2.0.7/24 does not start at the range's first address; use 10.2.0.0/24",
      ],
    },
  ]);
});
