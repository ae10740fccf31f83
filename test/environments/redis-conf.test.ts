import { describe, expect, it } from "vitest";
import { linesOf, localInput, sshInput } from "./inputs.ts";

const withKeys = (redisConf: Record<string, string | number>, engine?: "redis" | "valkey"): string[] =>
  linesOf([{ ...localInput(), ...(engine && { engine }), settings: { maxMemoryMb: 100, redisConf } }]);

const line = (key: string, message: string): string => `environments/base.ts: settings.redisConf.${key}: ${message}`;

describe("settings.redisConf", () => {
  it("takes keys that nothing else manages", () => {
    expect(withKeys({ "notify-keyspace-events": "Ex", "hash-max-listpack-entries": "256", maxclients: "500" })).toEqual(
      [],
    );
  });

  it("takes a number as the text of it, and checks it like one", () => {
    expect(withKeys({ databases: 20 })).toEqual([]);
    expect(withKeys({ timeout: 1.5 })).toEqual([
      line("timeout", 'redis refuses "1.5" here; use a whole number of 0 or more'),
    ]);
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
  const socket =
    "every node has the same lines, and nodes of one computer would take the socket from each other; leave it out; clients use the address and port of each node";
  const power =
    "whoever reaches the port could stop the server, run a program of theirs on the node or move its files; leave it out";
  const tls =
    "TLS works only when servers, Sentinels and clients are switched together; leave it out; access.tls and access.clientCertificates are for that";
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
    [
      "dir",
      "the node looks for its data in a fixed place, and would take a moved data set for a lost one; leave it out: on the target local, XDG_STATE_HOME decides where the folders of all nodes lie",
    ],
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
    ["rdma-bind", reach],
    ["unixsocket", socket],
    ["unixsocketperm", socket],
    ["unixsocketgroup", socket],
    ["enable-debug-command", power],
    ["enable-module-command", power],
    ["enable-protected-configs", power],
    [
      "loadmodule",
      "a node without the module's file does not start, and one whose module differs cannot read what the master sends; leave it out; this version does not bring modules to the nodes",
    ],
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
    expect(withKeys({ dbfilename: "x", loglevel: "debug", port: "1" })).toEqual([
      line("dbfilename", place),
      line("port", "another field decides this key; use port of each node"),
    ]);
  });

  const asked = "(asked: redis 7.0 and redis 8.0)";

  it.each([
    [
      "maxmemory-polcy",
      `redis does not know this key; did you mean maxmemory-policy? That one is refused here too: it is decided by settings.maxMemoryPolicy ${asked}`,
    ],
    [
      "requirepas",
      `redis does not know this key; did you mean requirepass? That one is refused here too: ${secret} ${asked}`,
    ],
    ["maxclient", `redis does not know this key; did you mean maxclients? ${asked}`],
    ["hash_max_listpack_entries", `redis does not know this key; did you mean hash-max-listpack-entries? ${asked}`],
    ["cloud-backup", `redis does not know this key; remove it ${asked}`],
    ["constructor", `redis does not know this key; remove it ${asked}`],
    ["import-mode", "known to valkey 8.1 only, and engine is redis; remove it, or change engine"],
  ])("does not know %s", (key, message) => {
    expect(withKeys({ [key]: "1" })).toEqual([line(key, message)]);
  });

  it("leaves the choice of processors to systemd on hosts", () => {
    const input = sshInput();
    input.settings.redisConf = { server_cpulist: "0-1" };
    expect(linesOf([input])).toEqual([
      "environments/hosts.ts: settings.redisConf.server_cpulist: on hosts, systemd decides on which processors the server runs; leave it out, and set CPUAffinity= in a drop-in of the redis unit",
    ]);
  });

  it("knows what only another version or another engine knows", () => {
    const newer = { "max-new-connections-per-cycle": "5", server_cpulist: "0-1" };
    expect(withKeys({ "io-threads-do-reads": "yes", "replica-full-sync-buffer-limit": "1gb", ...newer })).toEqual([]);
    expect(withKeys({ "import-mode": "no", ...newer }, "valkey")).toEqual([]);
    expect(withKeys({ "io-threads-do-reads": "yes" }, "valkey")).toEqual([
      line("io-threads-do-reads", "known to redis 7.0 only, and engine is valkey; remove it, or change engine"),
    ]);
    expect(withKeys({ "dynamic-hz": "yes" }, "valkey")).toEqual([
      line("dynamic-hz", "known to redis 7.0 and redis 8.0 only, and engine is valkey; remove it, or change engine"),
    ]);
  });

  it.each([
    ["activerehashing", "true", "use yes or no"],
    ["loglevel", "info", "use one of debug, verbose, notice, warning, nothing"],
    ["notify-keyspace-events", "Ey", "use letters out of $AEKdeghlmnstxz"],
    ["active-defrag-cycle-max", "100", "use a whole number from 1 to 99"],
    ["repl-timeout", "0", "use a whole number of 1 or more"],
    ["timeout", "1.5", "use a whole number of 0 or more"],
    ["slowlog-log-slower-than", "fast", "use a whole number of -1 or more"],
    ["databases", "many", "use a whole number of 1 or more"],
    ["client-query-buffer-limit", "100kb", "use bytes of 1048576 or more, or a whole number with kb, mb or gb"],
    ["maxmemory-clients", "105%", "use 0% to 100%, bytes, or a whole number with kb, mb or gb"],
    [
      "client-output-buffer-limit",
      "pubsub 32mb 8mb",
      "use a class (normal, replica, pubsub), its hard limit, its soft limit and seconds, for example pubsub 32mb 8mb 60",
    ],
    ["latency-tracking-info-percentiles", "101", "use numbers from 0 to 100, for example 50 99 99.9"],
    [
      "oom-score-adj-values",
      "0 200",
      "use three numbers from -2000 to 2000: of a master, a replica and a forked child, for example 0 200 800",
    ],
  ])("refuses what the server refuses: %s %s", (key, value, use) => {
    expect(withKeys({ [key]: value })).toEqual([line(key, `redis refuses ${JSON.stringify(value)} here; ${use}`)]);
  });

  it("takes a value that only one version takes", () => {
    expect(withKeys({ "maxmemory-samples": "100", loglevel: "nothing" })).toEqual([]);
    expect(withKeys({ "maxmemory-samples": "100" }, "valkey")).toEqual([
      line("maxmemory-samples", 'valkey refuses "100" here; use a whole number from 1 to 64'),
    ]);
  });
});
