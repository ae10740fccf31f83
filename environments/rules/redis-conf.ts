import type { Rule } from "./rule.ts";

/** Keys of redis.conf that `settings.redisConf` must not carry: why, and what to use instead. */

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
    keys: ["dir", "dbfilename", "appenddirname", "appendfilename"],
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
    keys: ["bind-source-addr", "protected-mode"],
    reason: "nodes, Sentinels and clients reach each other at the addresses of the nodes and no others",
    instead: outside,
  },
  {
    keys: ["^tls-"],
    reason: "TLS works only when servers, Sentinels and clients are switched together",
    instead: "leave it out; this version has no setting for TLS yet",
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

function objectionTo(key: string): string | undefined {
  const setting = Object.hasOwn(bySetting, key) ? bySetting[key] : undefined;
  if (setting !== undefined) return `another field decides this key; use ${setting}`;
  const entry = harmful.find(({ keys }) =>
    keys.some((refused) => (refused.startsWith("^") ? key.startsWith(refused.slice(1)) : key === refused)),
  );
  return entry && `${entry.reason}; ${entry.instead}`;
}

export const refusedRedisConf: Rule = ({ environment }) =>
  Object.keys(environment.settings.redisConf).flatMap((key) => {
    const message = objectionTo(key);
    return message === undefined ? [] : [{ path: `settings.redisConf.${key}`, message }];
  });
