import { describe, expect, it } from "vitest";
import { linesOf, localInput } from "./inputs.ts";

const withKeys = (redisConf: Record<string, string>): string[] =>
  linesOf([{ ...localInput(), settings: { maxMemoryMb: 100, redisConf } }]);

const line = (key: string, message: string): string => `environments/base.ts: settings.redisConf.${key}: ${message}`;

describe("settings.redisConf", () => {
  it("takes keys that nothing else manages", () => {
    expect(withKeys({ "notify-keyspace-events": "Ex", "hash-max-listpack-entries": "256", maxclients: "500" })).toEqual(
      [],
    );
  });

  it.each([
    ["maxmemory", "settings.maxMemoryMb"],
    ["maxmemory-policy", "settings.maxMemoryPolicy"],
    ["appendfsync", "settings.appendFsync"],
    ["repl-backlog-size", "settings.replBacklogMb"],
    ["min-replicas-to-write", "settings.minReplicasToWrite"],
    ["min-slaves-to-write", "settings.minReplicasToWrite"],
    ["min-replicas-max-lag", "settings.minReplicasMaxLagSeconds"],
    ["min-slaves-max-lag", "settings.minReplicasMaxLagSeconds"],
    ["port", "port of each node"],
    ["bind", "address of each node"],
    ["replica-announce-ip", "address of each node"],
    ["slave-announce-ip", "address of each node"],
    ["replica-announce-port", "port of each node"],
    ["slave-announce-port", "port of each node"],
    ["replica-priority", "promotable of each node"],
    ["slave-priority", "promotable of each node"],
  ])("refers %s to %s", (key, field) => {
    expect(withKeys({ [key]: "1" })).toEqual([line(key, `another field decides this key; use ${field}`)]);
  });

  const role =
    "the running cluster owns the role, and a role in a file undoes a failover at the next restart; leave it out: the first promotable node starts as master once, and Sentinel decides from then on";
  const secret = "users and passwords do not belong into a description that ends up in Terraform's state; leave it out";
  const place =
    "the node looks for its data in a fixed place, and would take a moved data set for a lost one; leave it out";
  const supervision =
    "whoever supervises the server on this target decides how it is started, found and stopped; leave it out";
  const reach =
    "nodes, Sentinels and clients reach each other at the addresses of the nodes and no others; leave it out";
  const tls =
    "TLS works only when servers, Sentinels and clients are switched together; leave it out; this version has no setting for TLS yet";
  const readOnly = "what a client writes to a replica is lost at its next copy of the master; leave it out";

  it.each([
    ["replicaof", role],
    ["slaveof", role],
    [
      "include",
      "what a second file sets is invisible in the plan and is lost when the server rewrites its configuration; list its keys here one by one",
    ],
    ["user", secret],
    ["aclfile", secret],
    ["requirepass", secret],
    ["masterauth", secret],
    ["masteruser", secret],
    ["primaryauth", secret],
    ["primaryuser", secret],
    ["dir", place],
    ["dbfilename", place],
    ["appenddirname", place],
    ["appendfilename", place],
    [
      "appendonly",
      "without the append-only file a master that restarts quickly comes back empty and its replicas copy that; it is always on; settings.appendFsync decides how often it reaches the disk",
    ],
    [
      "save",
      "the append-only file already holds every write, and several save lines add up instead of replacing one another; settings.appendFsync decides how often data reaches the disk",
    ],
    ["daemonize", supervision],
    ["supervised", supervision],
    ["pidfile", supervision],
    ["shutdown-on-sigterm", supervision],
    ["shutdown-on-sigint", supervision],
    ["logfile", "the log goes to a fixed place, where it is rotated; leave it out, or set loglevel"],
    ["bind-source-addr", reach],
    ["protected-mode", reach],
    ["tls-port", tls],
    ["tls-replication", tls],
    ["rename-command", "Sentinel fails over by SLAVEOF, CONFIG and CLIENT under their own names; leave it out"],
    ["cluster-enabled", "Redis Cluster and Sentinel exclude each other; leave it out"],
    [
      "replica-announced",
      "Sentinel neither sees nor promotes a replica that does not announce itself; set promotable to false on a node that must not become master",
    ],
    ["replica-read-only", readOnly],
    ["slave-read-only", readOnly],
    [
      "activedefrag",
      "the server does not start with it in Debian's build, which lacks the memory allocator that it needs; leave it out",
    ],
  ])("refuses %s", (key, message) => {
    expect(withKeys({ [key]: "1" })).toEqual([line(key, message)]);
  });

  it("names every refused key", () => {
    expect(withKeys({ dir: "/tmp", loglevel: "debug", port: "1" })).toEqual([
      line("dir", place),
      line("port", "another field decides this key; use port of each node"),
    ]);
  });
});
