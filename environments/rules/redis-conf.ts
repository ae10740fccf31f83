import { askedServers, redisKeys, serversWith, type Engine } from "../../topology/server-keys.ts";
import { valueObjection } from "../../topology/server-values.ts";
import { closest } from "../closest.ts";
import type { Rule } from "./rule.ts";

/**
 * What `settings.redisConf` must not carry: a key that is decided elsewhere or does harm, one that the server does not
 * know, and a value that it refuses.
 */

/** Keys that a setting of the environment decides. */
const bySetting: Readonly<Record<string, string>> = {
  maxmemory: "settings.maxMemoryMb",
  "maxmemory-policy": "settings.maxMemoryPolicy",
  appendfsync: "settings.appendFsync",
  "repl-backlog-size": "settings.replBacklogMb",
  "min-replicas-to-write": "settings.minReplicasToWrite",
  "min-slaves-to-write": "settings.minReplicasToWrite",
  "min-replicas-max-lag": "settings.minReplicasMaxLagSeconds",
  "min-slaves-max-lag": "settings.minReplicasMaxLagSeconds",
  port: "port of each node",
  bind: "address of each node",
  "replica-announce-ip": "address of each node",
  "slave-announce-ip": "address of each node",
  "replica-announce-port": "port of each node",
  "slave-announce-port": "port of each node",
  "replica-priority": "promotable of each node",
  "slave-priority": "promotable of each node",
};

const outside = "leave it out";

/** Keys that would break a node or the cluster. `^` marks the beginning of a key. */
const harmful: readonly { readonly keys: readonly string[]; readonly reason: string; readonly instead: string }[] = [
  {
    keys: ["replicaof", "slaveof"],
    reason: "the running cluster owns the role, and a role in a file undoes a failover at the next restart",
    instead: "leave it out: the first promotable node starts as master once, and Sentinel decides from then on",
  },
  {
    keys: ["include"],
    reason: "what a second file sets is invisible in the plan and is lost when the server rewrites its configuration",
    instead: "list its keys here one by one",
  },
  {
    keys: ["user", "aclfile", "requirepass", "masterauth", "masteruser", "primaryauth", "primaryuser"],
    reason: "users and passwords do not belong into a description that ends up in Terraform's state",
    instead: outside,
  },
  {
    keys: ["dir"],
    reason: "the node looks for its data in a fixed place, and would take a moved data set for a lost one",
    instead: "leave it out: on the target local, XDG_STATE_HOME decides where the folders of all nodes lie",
  },
  {
    keys: ["dbfilename", "appenddirname", "appendfilename"],
    reason: "the node looks for its data in a fixed place, and would take a moved data set for a lost one",
    instead: outside,
  },
  {
    keys: ["appendonly"],
    reason: "without the append-only file a master that restarts quickly comes back empty and its replicas copy that",
    instead: "it is always on; settings.appendFsync decides how often it reaches the disk",
  },
  {
    keys: ["save"],
    reason:
      "the append-only file already holds every write, and several save lines add up instead of replacing one another",
    instead: "settings.appendFsync decides how often data reaches the disk",
  },
  {
    keys: ["daemonize", "supervised", "pidfile", "shutdown-on-sigterm", "shutdown-on-sigint"],
    reason: "whoever supervises the server on this target decides how it is started, found and stopped",
    instead: outside,
  },
  {
    keys: ["logfile"],
    reason: "the log goes to a fixed place, where it is rotated",
    instead: "leave it out, or set loglevel",
  },
  {
    keys: ["bind-source-addr", "protected-mode", "^rdma-"],
    reason: "nodes, Sentinels and clients reach each other at the addresses of the nodes and no others",
    instead: outside,
  },
  {
    keys: ["unixsocket", "unixsocketgroup", "unixsocketperm"],
    reason: "every node has the same lines, and nodes of one computer would take the socket from each other",
    instead: "leave it out; clients use the address and port of each node",
  },
  {
    keys: ["enable-debug-command", "enable-module-command", "enable-protected-configs"],
    reason: "whoever reaches the port could stop the server, run a program of theirs on the node or move its files",
    instead: outside,
  },
  {
    keys: ["loadmodule"],
    reason:
      "a node without the module's file does not start, and one whose module differs cannot read what the master sends",
    instead: "leave it out; this version does not bring modules to the nodes",
  },
  {
    keys: ["^tls-"],
    reason: "TLS works only when servers, Sentinels and clients are switched together",
    instead: "leave it out; access.tls and access.clientCertificates are for that",
  },
  {
    keys: ["rename-command"],
    reason: "Sentinel fails over by SLAVEOF, CONFIG and CLIENT under their own names",
    instead: outside,
  },
  {
    keys: ["cluster-enabled"],
    reason: "Redis Cluster and Sentinel exclude each other",
    instead: outside,
  },
  {
    keys: ["replica-announced"],
    reason: "Sentinel neither sees nor promotes a replica that does not announce itself",
    instead: "set promotable to false on a node that must not become master",
  },
  {
    keys: ["replica-read-only", "slave-read-only"],
    reason: "what a client writes to a replica is lost at its next copy of the master",
    instead: outside,
  },
  {
    keys: ["activedefrag"],
    reason: "the server does not start with it in Debian's build, which lacks the memory allocator that it needs",
    instead: outside,
  },
];

const decidedBy = (key: string): string | undefined => (Object.hasOwn(bySetting, key) ? bySetting[key] : undefined);

function harmOf(key: string): string | undefined {
  const entry = harmful.find(({ keys }) =>
    keys.some((refused) => (refused.startsWith("^") ? key.startsWith(refused.slice(1)) : key === refused)),
  );
  return entry && `${entry.reason}; ${entry.instead}`;
}

function refusedHere(key: string): string | undefined {
  const setting = decidedBy(key);
  return setting === undefined ? harmOf(key) : `another field decides this key; use ${setting}`;
}

function unknown(key: string, engine: Engine): string | undefined {
  const others = serversWith(key);
  if (others.some((server) => askedServers(engine).includes(server))) return undefined;
  if (others.length > 0) {
    return `known to ${others.join(" and ")} only, and engine is ${engine}; remove it, or change engine`;
  }
  const asked = `(asked: ${askedServers(engine).join(" and ")})`;
  const guess = closest(key, redisKeys(engine));
  if (guess === undefined) return `${engine} does not know this key; remove it ${asked}`;
  const setting = decidedBy(guess);
  const refused = setting === undefined ? harmOf(guess) : `it is decided by ${setting}`;
  const hint = refused === undefined ? "" : ` That one is refused here too: ${refused}`;
  return `${engine} does not know this key; did you mean ${guess}?${hint} ${asked}`;
}

function badValue(key: string, value: string, engine: Engine): string | undefined {
  const use = valueObjection(key, value, engine);
  return use && `${engine} refuses ${JSON.stringify(value)} here; ${use}`;
}

/** The unit's system call filter would keep the server from it, and the server would not say so. */
const choosesProcessors = (key: string): string | undefined =>
  /[-_]cpulist$/.test(key)
    ? "on hosts, systemd decides on which processors the server runs; leave it out, and set CPUAffinity= in a drop-in of the redis unit"
    : undefined;

export const refusedRedisConf: Rule = ({ environment: { engine, settings, target } }) =>
  Object.entries(settings.redisConf).flatMap(([key, value]) => {
    const onHosts = target.kind === "local" ? undefined : choosesProcessors(key);
    const message = refusedHere(key) ?? unknown(key, engine) ?? onHosts ?? badValue(key, value, engine);
    return message === undefined ? [] : [{ path: `settings.redisConf.${key}`, message }];
  });
