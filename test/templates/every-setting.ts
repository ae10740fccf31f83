import type { Environment, EnvironmentInput } from "../../environments/environment.ts";
import { local } from "../../environments/local.ts";
import { parseEnvironment } from "../../environments/parse.ts";

/** A value that needs every kind of care: both quotes, a backslash, template syntax, a comment sign, more than ASCII. */
export const oddText = `it's "odd" \\ <%= 1 + 1 %> # $& €`;

/** Every setting has another value than its default. Ports start at 16010. */
export const everySetting: EnvironmentInput = {
  name: "every-setting",
  project: "other",
  target: { kind: "local" },
  engine: "valkey",
  zones: {
    a: { nodes: [{ name: "redis-a", port: 16010, sentinelPort: 16020 }] },
    b: { nodes: [{ name: "redis-b", port: 16011, sentinelPort: 16021 }] },
    c: { nodes: [{ name: "redis-c", port: 16012, sentinelPort: 16022, address: "127.0.0.9" }] },
    d: { nodes: [{ name: "reports", port: 16013, promotable: false, runs: ["redis"] }] },
  },
  settings: {
    maxMemoryMb: 1100,
    maxMemoryPolicy: "allkeys-lfu",
    appendFsync: "always",
    replBacklogMb: 1024,
    downAfterMs: 3000,
    failoverTimeoutMs: 20_000,
    quorum: 3,
    minReplicasToWrite: 2,
    minReplicasMaxLagSeconds: 5,
    onMasterCrash: "restart",
    redisConf: {
      "notify-keyspace-events": "Ex",
      "syslog-ident": oddText,
      "latency-tracking-info-percentiles": "50 99.9",
      "client-query-buffer-limit": "512mb",
      "maxmemory-clients": "5%",
      "ignore-warnings": "",
      activerehashing: "NO",
      "client-output-buffer-limit": "pubsub 64mb 16mb 90",
      databases: "32",
      "lua-time-limit": "1500",
      "hash-max-ziplist-entries": "64",
    },
  },
};

/** The environment with the ports of its nodes replaced, counting up: tests keep clear of a cluster that runs here. */
export function onPorts(input: EnvironmentInput, first: number): Environment {
  const environment = parseEnvironment(input);
  let next = first;
  for (const node of Object.values(environment.zones).flatMap(({ nodes }) => nodes)) {
    if (node.port !== undefined) node.port = next++;
    if (node.sentinelPort !== undefined) node.sentinelPort = next++;
  }
  return environment;
}

/** The local environment with its first node on a host of its own, as the target `ssh` has it. */
export function onHost(address: string, port: number, sentinelPort: number): Environment {
  const environment = parseEnvironment(local);
  environment.target = { kind: "ssh", user: "admin", port: 22, knownHostsFile: "known_hosts" };
  Object.assign(environment.zones["a"]?.nodes[0] ?? {}, { address, port, sentinelPort });
  return environment;
}
