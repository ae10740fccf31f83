import type { Environment } from "../environments/environment.ts";
import { maxMemoryMb } from "../environments/memory.ts";
import { HOST_PROGRAM, HOST_STATE, unitNames } from "./host-places.ts";
import { sentinelUsersAcl, usersAcl } from "./acl.ts";
import type { NodeSpec } from "./node-spec.ts";
import { filled, type Template, templateOf } from "./template.ts";
import { topologyOf } from "./topology.ts";
import type { Topology, TopologyNode } from "./topology.ts";

const mib = 1024 * 1024;

/** Output that a replica may leave unread during a full copy, in MiB: at once, and for a minute. */
const replicaBufferMb = { hard: 512, soft: 128 };

const templates = {
  redis: templateOf("redis.conf"),
  sentinel: templateOf("sentinel.conf"),
  "redis.service": templateOf("redis.service"),
  "sentinel.service": templateOf("sentinel.service"),
  "agent.service": templateOf("agent.service"),
  hardening: templateOf("hardening"),
};

/**
 * What every node of a valid environment is told, in the order of the zones: its place in the topology and its
 * rendered files. The same environment gives the same text.
 */
export function specsOf(environment: Environment): NodeSpec[] {
  const topology = topologyOf(environment);
  return topology.nodes.map((node): NodeSpec => ({
    version: 1,
    environment: topology.environment,
    target: environment.target.kind,
    masterName: topology.masterName,
    engine: topology.engine,
    quorum: topology.quorum,
    node,
    peers: topology.nodes.filter((other) => other !== node),
    seed: topology.seed,
    tls: environment.access.tls,
    ...(node.redisPort === undefined ? {} : { onMasterCrash: environment.settings.onMasterCrash }),
    files: {
      ...(node.redisPort === undefined
        ? {}
        : { "redis.conf": redisConf(environment, topology, node), "users.acl": usersAcl(environment) }),
      ...(node.sentinelPort === undefined
        ? {}
        : {
            "sentinel.conf": sentinelConf(environment, topology, node),
            "sentinel-users.acl": sentinelUsersAcl(environment),
          }),
      ...(environment.target.kind === "local" ? {} : unitsOf(topology, node)),
    },
  }));
}

function redisConf(environment: Environment, topology: Topology, node: TopologyNode): string {
  const { name, settings } = environment;
  return render(templates.redis, {
    environment: name,
    node: node.name,
    address: node.address,
    bind: bindOf(node.address),
    tls: environment.access.tls,
    clientCertificates: environment.access.clientCertificates,
    port: node.redisPort,
    maxMemoryBytes: required(maxMemoryMb(environment)) * mib,
    maxMemoryPolicy: settings.maxMemoryPolicy,
    appendFsync: settings.appendFsync,
    replBacklogBytes: settings.replBacklogMb * mib,
    replicaBufferHardBytes: Math.max(replicaBufferMb.hard, settings.replBacklogMb) * mib,
    replicaBufferSoftBytes: Math.max(replicaBufferMb.soft, settings.replBacklogMb) * mib,
    minReplicasToWrite: topology.minReplicasToWrite,
    minReplicasMaxLag: settings.minReplicasMaxLagSeconds,
    replicaPriority: node.promotable ? 100 : 0,
    redisConf: ownLines(settings.redisConf),
  });
}

function sentinelConf(environment: Environment, topology: Topology, node: TopologyNode): string {
  const { name, settings } = environment;
  return render(templates.sentinel, {
    environment: name,
    node: node.name,
    address: node.address,
    bind: bindOf(node.address),
    tls: environment.access.tls,
    clientCertificates: environment.access.clientCertificates,
    port: node.sentinelPort,
    masterName: topology.masterName,
    downAfterMs: settings.downAfterMs,
    failoverTimeoutMs: settings.failoverTimeoutMs,
  });
}

/** The units that start what runs on a host. */
function unitsOf({ environment, engine }: Topology, node: TopologyNode): NodeSpec["files"] {
  const folder = `${HOST_STATE}/${environment}/${node.name}`;
  const values = {
    environment,
    engine,
    node: node.name,
    folder,
    user: engine,
    program: HOST_PROGRAM,
    // Outside the server's sandbox, in which Node does not run and other processes cannot be seen: as the service user, without any privilege.
    hook: `+/usr/bin/setpriv --reuid=${engine} --regid=${engine} --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all /usr/bin/node ${HOST_PROGRAM} host`,
    units: unitNames(environment),
    hardening: render(templates.hardening, { home: HOST_STATE }),
  };
  return {
    "agent.service": render(templates["agent.service"], values),
    ...(node.redisPort === undefined ? {} : { "redis.service": render(templates["redis.service"], values) }),
    ...(node.sentinelPort === undefined ? {} : { "sentinel.service": render(templates["sentinel.service"], values) }),
  };
}

const render = (template: Template, values: object): string => `${filled(template, values).trimEnd()}\n`;

/** Nodes that share this computer may share a port by having different loopback addresses; other hosts also listen on 127.0.0.1. */
const bindOf = (address: string): string => (address.startsWith("127.") ? address : `${address} 127.0.0.1`);

/** Sorted: the order in which an object was written must not change the text. */
const ownLines = (keys: Readonly<Record<string, string>>): string[] =>
  Object.entries(keys)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => confLine(key, value));

/** Keys whose value is a list: redis 7.0.0 takes it only as separate arguments, never quoted as one. */
const listKeys = new Set(["client-output-buffer-limit", "latency-tracking-info-percentiles", "oom-score-adj-values"]);

/** The line of redis.conf that gives a key this value, as CONFIG SET would. */
export function confLine(key: string, value: string): string {
  const args = listKeys.has(key) && value.trim() !== "" ? value.trim().split(/\s+/) : [value];
  return [key, ...args.map(quoted)].join(" ");
}

/** Written so that the server reads exactly this value, as CONFIG SET would take it. */
function quoted(value: string): string {
  if (/^[\w.:/@%+,=-]+$/.test(value)) return value;
  const escaped = value
    .replace(/["\\]/g, "\\$&")
    // eslint-disable-next-line no-control-regex -- these are the characters to escape
    .replace(/[\x00-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `"${escaped}"`;
}

/** 0 would mean that there is no limit. */
function required(value: number | undefined): number {
  if (value === undefined)
    throw new Error("settings.maxMemoryMb does not follow from the environment: see parseEnvironment");
  return value;
}
