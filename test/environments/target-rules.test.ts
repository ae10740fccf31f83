import { describe } from "vitest";
import { check } from "./check.ts";
import { localInput, nodeOf, sshInput, zoneOf } from "./inputs.ts";

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
    {
      rule: "two ways to the hosts",
      change: (input) => Object.assign(input.target, { proxyJump: "bastion", proxyCommand: "way-in %h %p" }),
      lines: ["target.proxyCommand: there is proxyJump too, and ssh takes one way; remove one of the two"],
    },
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
