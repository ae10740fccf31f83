import { describe, expect, it } from "vitest";
import { check } from "./check.ts";
import { extraNode, linesOf, localInput, nodeOf, zoneOf } from "./inputs.ts";

describe("rules of votes, copies and timing", () => {
  check(localInput, [
    {
      rule: "nothing is wrong with the base",
      change: () => {},
      lines: [],
    },
    {
      rule: "a zone that holds no node is legal",
      change: (input) => (input.zones.d = { nodes: [] }),
      lines: [],
    },
    {
      rule: "at least one node, said once",
      change: (input) => (input.zones = {}),
      lines: [
        "zones: no zone has a node; the usual cluster is three zones with one node each, see environments/local.ts",
      ],
    },
    {
      rule: "two Sentinels in two zones",
      change: (input) => delete input.zones.c,
      lines: ["zones: 2 Sentinels cannot elect a master when one of them is lost; add a witness in a third zone"],
    },
    {
      rule: "two Sentinels and an empty zone for the witness, whatever the quorum says",
      change: (input) => {
        zoneOf(input, "c").nodes = [];
        input.settings.quorum = 1;
      },
      lines: [
        "zones.c.nodes: 2 Sentinels cannot elect a master when one of them is lost; add a witness in a third zone",
      ],
    },
    {
      rule: "two Sentinels beside a node that could run a third",
      change: (input) => (zoneOf(input, "c").nodes = [extraNode("redis-c", ["redis"])]),
      lines: [
        'zones.c.nodes[0].runs: 2 Sentinels cannot elect a master when one of them is lost; let redis-c run "sentinel" too',
      ],
    },
    {
      rule: "one Sentinel, whatever the quorum says",
      change: (input) => {
        input.settings.quorum = 2;
        zoneOf(input, "b").nodes = [extraNode("redis-b", ["redis"])];
        delete input.zones.c;
      },
      lines: ["zones: 1 Sentinel cannot elect a master once it is lost itself; add a witness in a third zone"],
    },
    {
      rule: "one Sentinel beside nodes that could run more",
      change: (input) => {
        for (const zone of ["b", "c"]) zoneOf(input, zone).nodes = [extraNode(`redis-${zone}`, ["redis"])];
      },
      lines: [
        'zones.b.nodes[0].runs: 1 Sentinel cannot elect a master once it is lost itself; let redis-b run "sentinel" too',
      ],
    },
    {
      rule: "two Sentinels in one zone and none in two others",
      change: (input) => {
        zoneOf(input, "a").nodes.push(extraNode("witness-a", ["sentinel"]));
        for (const zone of ["b", "c"]) zoneOf(input, zone).nodes = [extraNode(`redis-${zone}`, ["redis"])];
      },
      lines: [
        'zones.b.nodes[0].runs: 2 Sentinels cannot elect a master when one of them is lost; let redis-b run "sentinel" too',
      ],
    },
    {
      rule: "no Sentinel",
      change: (input) => {
        for (const zone of ["a", "b", "c"]) zoneOf(input, zone).nodes = [extraNode(`redis-${zone}`, ["redis"])];
      },
      lines: [
        'zones.a.nodes[0].runs: no Sentinel runs, so nobody would elect a new master; let redis-a run "sentinel" too',
      ],
    },
    {
      rule: "an even number of Sentinels and a quorum above it",
      change: (input) => {
        zoneOf(input, "d").nodes = [extraNode("witness-d", ["sentinel"])];
        input.settings.quorum = 5;
      },
      lines: ["zones: 4 Sentinels survive no more losses than 3 and can split into halves; add or remove one"],
    },
    {
      rule: "an even number of Sentinels and a quorum below its majority",
      change: (input) => {
        zoneOf(input, "d").nodes = [extraNode("witness-d", ["sentinel"])];
        input.settings.quorum = 2;
      },
      lines: ["zones: 4 Sentinels survive no more losses than 3 and can split into halves; add or remove one"],
    },
    {
      rule: "quorum below a majority",
      change: (input) => (input.settings.quorum = 1),
      lines: ["settings.quorum: 1 of 3 Sentinels is no majority; use 2, or leave it out"],
    },
    {
      rule: "quorum above the number of Sentinels",
      change: (input) => (input.settings.quorum = 4),
      lines: ["settings.quorum: 4 can never agree, there are 3 Sentinels; use 2, or leave it out"],
    },
    {
      rule: "a quorum of all Sentinels is the user's choice",
      change: (input) => (input.settings.quorum = 3),
      lines: [],
    },
    {
      rule: "two zones",
      change: (input) => {
        delete input.zones.c;
        zoneOf(input, "b").nodes.push(extraNode("witness-b", ["sentinel"]));
      },
      lines: [
        "zones: only zones a and b have nodes, so one lost zone can take the majority of the Sentinels with it; spread the nodes over three zones or more",
      ],
    },
    {
      rule: "everything in one zone, said once and at the zone that is empty",
      change: (input) => {
        zoneOf(input, "a").nodes = ["a", "b", "c"].map((zone) => nodeOf(input, zone));
        zoneOf(input, "b").nodes = [];
        zoneOf(input, "c").nodes = [];
      },
      lines: [
        "zones.b.nodes: only zone a has nodes, so one lost zone can take the majority of the Sentinels with it; spread the nodes over three zones or more",
      ],
    },
    {
      rule: "all Sentinels in one zone, although three zones have nodes",
      change: (input) => {
        zoneOf(input, "a").nodes.push(extraNode("witness-1", ["sentinel"]), extraNode("witness-2", ["sentinel"]));
        zoneOf(input, "b").nodes = [extraNode("redis-b", ["redis"])];
        zoneOf(input, "c").nodes = [extraNode("redis-c", ["redis"])];
      },
      lines: [
        "zones.a.nodes: all Sentinels are in this zone, and would be lost with it; run one in each of three zones",
      ],
    },
    {
      rule: "a majority of the Sentinels in one zone",
      change: (input) =>
        zoneOf(input, "b").nodes.push(extraNode("witness-1", ["sentinel"]), extraNode("witness-2", ["sentinel"])),
      lines: [
        "zones.b.nodes: 3 of 5 Sentinels are in this zone, and the other 2 cannot elect a master when it is lost; let another zone have more of them",
      ],
    },
    {
      rule: "no data node",
      change: (input) => {
        for (const zone of ["a", "b", "c"]) zoneOf(input, zone).nodes = [extraNode(`witness-${zone}`, ["sentinel"])];
        input.settings.minReplicasToWrite = 1;
      },
      lines: ['zones: no node holds data; let a node in each of two zones run "redis"'],
    },
    {
      rule: "one data node, whatever may be promoted",
      change: (input) => {
        nodeOf(input, "a").promotable = false;
        for (const zone of ["b", "c"]) zoneOf(input, zone).nodes = [extraNode(`witness-${zone}`, ["sentinel"])];
      },
      lines: ['zones: 1 data node leaves nothing to fail over to; let a node in another zone run "redis" too'],
    },
    {
      rule: "two data nodes in a zone",
      change: (input) => zoneOf(input, "a").nodes.push(extraNode("redis-d", ["redis"])),
      lines: [
        "zones.a.nodes: redis-a and redis-d hold the same data and would be lost together; move redis-d to a zone of its own",
      ],
    },
    {
      rule: "three data nodes in a zone",
      change: (input) =>
        zoneOf(input, "a").nodes.push(extraNode("redis-d", ["redis"]), extraNode("redis-e", ["redis"])),
      lines: [
        "zones.a.nodes: redis-a and redis-d and redis-e hold the same data and would be lost together; move redis-d and redis-e to zones of their own",
      ],
    },
    {
      rule: "no promotable data node",
      change: (input) => {
        for (const zone of ["a", "b", "c"]) nodeOf(input, zone).promotable = false;
      },
      lines: ["zones: no data node may become master; remove `promotable: false` from at least two of them"],
    },
    {
      rule: "one promotable data node",
      change: (input) => {
        for (const zone of ["b", "c"]) nodeOf(input, zone).promotable = false;
      },
      lines: [
        "zones.b.nodes[0].promotable: only redis-a may become master, so there is nothing to fail over to; remove `promotable: false` from another data node",
      ],
    },
    {
      rule: "a witness does not count as promotable",
      change: (input) => {
        nodeOf(input, "b").promotable = false;
        zoneOf(input, "c").nodes = [extraNode("witness-c", ["sentinel"])];
      },
      lines: [
        "zones.b.nodes[0].promotable: only redis-a may become master, so there is nothing to fail over to; remove `promotable: false` from another data node",
      ],
    },
    {
      rule: "two promotable data nodes and a reporting replica",
      change: (input) => (nodeOf(input, "c").promotable = false),
      lines: [],
    },
    {
      rule: "minReplicasToWrite above the number of replicas",
      change: (input) => (input.settings.minReplicasToWrite = 3),
      lines: [
        "settings.minReplicasToWrite: the master would refuse every write: it would wait for 3 replicas and there are 2 replicas; use 2 or less, or leave it out",
      ],
    },
    {
      rule: "minReplicasToWrite above the only replica",
      change: (input) => {
        zoneOf(input, "c").nodes = [extraNode("witness-c", ["sentinel"])];
        input.settings.minReplicasToWrite = 2;
      },
      lines: [
        "settings.minReplicasToWrite: the master would refuse every write: it would wait for 2 replicas and there is 1 replica; use 1 or less, or leave it out",
      ],
    },
    {
      rule: "minReplicasToWrite of all replicas is the user's choice",
      change: (input) => (input.settings.minReplicasToWrite = 2),
      lines: [],
    },
    {
      rule: "memory that the backlog alone fills",
      change: (input) => (input.settings.maxMemoryMb = 95),
      lines: [
        "settings.maxMemoryMb: 95 MiB is too little: redis counts what it keeps for replicas (settings.replBacklogMb, 64 MiB) as used memory, and would soon refuse writes; use 96 or more",
      ],
    },
    {
      rule: "memory for the backlog and a little data",
      change: (input) => (input.settings.maxMemoryMb = 96),
      lines: [],
    },
    {
      rule: "downAfterMs below a second",
      change: (input) => (input.settings.downAfterMs = 999),
      lines: [
        "settings.downAfterMs: 999 ms is too short: already at 1000 ms, 2 of 28 crashes of the master led to a second, needless failover, one of which lost 2185 acknowledged writes; use 2000, or at least 1000",
      ],
    },
    {
      rule: "downAfterMs of a second",
      change: (input) => (input.settings.downAfterMs = 1000),
      lines: [],
    },
    {
      rule: "independent mistakes are all said",
      change: (input) => {
        input.settings.quorum = 1;
        input.settings.downAfterMs = 1;
        nodeOf(input, "b").name = "redis-a";
      },
      lines: [
        "settings.quorum: 1 of 3 Sentinels is no majority; use 2, or leave it out",
        "zones.b.nodes[0].name: redis-a is also the name of zones.a.nodes[0]; give every node its own",
        "settings.downAfterMs: 1 ms is too short: already at 1000 ms, 2 of 28 crashes of the master led to a second, needless failover, one of which lost 2185 acknowledged writes; use 2000, or at least 1000",
      ],
    },
  ]);
});

describe("memory of the computer that a local environment runs on", () => {
  it("the sum of the data nodes is at most 45 %", () => {
    expect(linesOf([localInput()], 667)).toEqual([]);
    expect(linesOf([localInput()], 666)).toEqual([
      "environments/base.ts: settings.maxMemoryMb: 3 data nodes with 100 MiB each are 300 MiB, more than 45 % of this computer's 666 MiB, and a fork under writes can double it; use 99 or less",
    ]);
  });

  it("a witness needs none", () => {
    const input = localInput();
    zoneOf(input, "c").nodes = [extraNode("witness-c", ["sentinel"])];
    expect(linesOf([input], 445)).toEqual([]);
  });
});
