import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { awsInput, linesOf, localInput, nodeOf, sshInput, zoneOf } from "./inputs.ts";

interface Case {
  readonly rule: string;
  readonly change: (input: EnvironmentInput) => void;
  /** Without the file. */
  readonly lines: readonly string[];
}

function check(base: () => EnvironmentInput, cases: readonly Case[]): void {
  it.each(cases)("$rule", ({ change, lines }) => {
    const input = base();
    change(input);
    expect(linesOf([input])).toEqual(lines.map((line) => `environments/${input.name}.ts: ${line}`));
  });
}

describe("target local", () => {
  check(localInput, [
    {
      rule: "a missing port",
      change: (input) => delete nodeOf(input, "a").port,
      lines: [
        "zones.a.nodes[0].port: missing, and all nodes of this target share one address; give this node a port of its own",
      ],
    },
    {
      rule: "a missing Sentinel port",
      change: (input) => delete nodeOf(input, "b").sentinelPort,
      lines: [
        "zones.b.nodes[0].sentinelPort: missing, and all nodes of this target share one address; give this node a port of its own",
      ],
    },
    {
      rule: "a port for a redis-server that the node does not run",
      change: (input) => (nodeOf(input, "c").runs = ["sentinel"]),
      lines: ['zones.c.nodes[0].port: redis-c runs no redis-server; remove the port, or add "redis" to its runs'],
    },
    {
      rule: "a port for a Sentinel that the node does not run",
      change: (input) => {
        zoneOf(input, "d").nodes = [{ name: "redis-d", runs: ["redis"], port: 6504, sentinelPort: 26504 }];
      },
      lines: [
        'zones.d.nodes[0].sentinelPort: redis-d runs no redis-sentinel; remove the port, or add "sentinel" to its runs',
      ],
    },
    {
      rule: "an address that is not of this computer",
      change: (input) => (nodeOf(input, "a").address = "192.168.1.5"),
      lines: [
        "zones.a.nodes[0].address: 192.168.1.5 is no loopback address, and the target local runs every node on this computer; remove it, or use the target ssh",
      ],
    },
    {
      rule: "another loopback address, and there the same ports",
      change: (input) => Object.assign(nodeOf(input, "b"), { address: "127.0.0.2", port: 6501, sentinelPort: 26501 }),
      lines: [],
    },
    {
      rule: "two redis-servers on one port",
      change: (input) => (nodeOf(input, "b").port = 6501),
      lines: [
        "zones.b.nodes[0].port: 127.0.0.1:6501 is taken by the redis-server of redis-a (zones.a.nodes[0].port); use another port",
      ],
    },
    {
      rule: "a Sentinel on a redis-server's port, the address written out",
      change: (input) => Object.assign(nodeOf(input, "c"), { address: "127.0.0.1", sentinelPort: 6501 }),
      lines: [
        "zones.c.nodes[0].sentinelPort: 127.0.0.1:6501 is taken by the redis-server of redis-a (zones.a.nodes[0].port); use another port",
      ],
    },
    {
      rule: "both servers of a node on one port",
      change: (input) => (nodeOf(input, "c").sentinelPort = 6503),
      lines: [
        "zones.c.nodes[0].sentinelPort: 127.0.0.1:6503 is taken by the redis-server of redis-c (zones.c.nodes[0].port); use another port",
      ],
    },
    {
      rule: "one name for two nodes",
      change: (input) => (nodeOf(input, "c").name = "redis-b"),
      lines: ["zones.c.nodes[0].name: redis-b is also the name of zones.b.nodes[0]; give every node its own"],
    },
    {
      rule: "fields of the target aws",
      change: (input) =>
        Object.assign(zoneOf(input, "a"), { availabilityZone: "eu-central-1a", subnetCidr: "1.0.0.0/9" }),
      lines: [
        "zones.a.availabilityZone: has a meaning only for the target aws, and this one is local; remove it",
        "zones.a.subnetCidr: has a meaning only for the target aws, and this one is local; remove it",
      ],
    },
  ]);
});

describe("target ssh", () => {
  check(sshInput, [
    { rule: "nothing is wrong with the base", change: () => {}, lines: [] },
    {
      rule: "a missing address",
      change: (input) => delete nodeOf(input, "b").address,
      lines: [
        "zones.b.nodes[0].address: missing; give the IPv4 address at which the other nodes and the clients reach this host",
      ],
    },
    {
      rule: "missing addresses are not taken for the same address",
      change: (input) => {
        for (const zone of ["a", "b"]) delete nodeOf(input, zone).address;
      },
      lines: ["a", "b"].map(
        (zone) =>
          `zones.${zone}.nodes[0].address: missing; give the IPv4 address at which the other nodes and the clients reach this host`,
      ),
    },
    {
      rule: "two nodes on one host, said once and not for each port",
      change: (input) => (nodeOf(input, "c").address = "10.0.1.10"),
      lines: [
        "zones.c.nodes[0].address: 10.0.1.10 is also the address of redis-a (zones.a.nodes[0]); a host runs one node, give this one another",
      ],
    },
    {
      rule: "two nodes on one host, on other ports too",
      change: (input) => Object.assign(nodeOf(input, "c"), { address: "10.0.1.10", port: 6380, sentinelPort: 26380 }),
      lines: [
        "zones.c.nodes[0].address: 10.0.1.10 is also the address of redis-a (zones.a.nodes[0]); a host runs one node, give this one another",
      ],
    },
    {
      rule: "a given port that meets the other server's default",
      change: (input) => (nodeOf(input, "a").port = 26379),
      lines: [
        "zones.a.nodes[0].sentinelPort: 10.0.1.10:26379 is taken by the redis-server of redis-a (zones.a.nodes[0].port); use another port",
      ],
    },
    {
      rule: "maxMemoryMb above 45 % of the host",
      change: (input) => (input.settings.maxMemoryMb = 3687),
      lines: [
        "settings.maxMemoryMb: 3687 MiB is more than 45 % of a host's 8192 MiB (target.hostMemoryMb), and a fork under writes can double it; use 3686 or less, or larger hosts",
      ],
    },
    {
      rule: "maxMemoryMb at 45 % of the host",
      change: (input) => (input.settings.maxMemoryMb = 3686),
      lines: [],
    },
    {
      rule: "maxMemoryMb with a host of unknown size, however small this computer",
      change: (input) => {
        if (input.target.kind === "ssh") delete input.target.hostMemoryMb;
        input.settings.maxMemoryMb = 1_000_000;
      },
      lines: [],
    },
    {
      rule: "fields of the target aws",
      change: (input) => (zoneOf(input, "b").availabilityZone = "eu-central-1a"),
      lines: ["zones.b.availabilityZone: has a meaning only for the target aws, and this one is ssh; remove it"],
    },
  ]);
});

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
