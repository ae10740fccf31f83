import { describe, expect, it } from "vitest";
import { awsInput, linesOf, localInput, sshInput } from "./inputs.ts";

type Plain = { [key: string]: unknown };

/** A copy in which the field at this path has another value. */
function withField(input: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(input) as Plain;
  let place = copy;
  for (const key of path.slice(0, -1)) place = place[key] as Plain;
  place[path.at(-1) ?? ""] = value;
  return copy;
}

const settings =
  "maxMemoryMb, maxMemoryPolicy, appendFsync, replBacklogMb, downAfterMs, failoverTimeoutMs, quorum, minReplicasToWrite, minReplicasMaxLagSeconds, onMasterCrash, redisConf";

interface Case {
  readonly what: string;
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly line: string;
  readonly base?: () => unknown;
}

const cases: readonly Case[] = [
  {
    what: "a missing field",
    path: ["settings", "maxMemoryMb"],
    value: undefined,
    line: "settings.maxMemoryMb: missing; give a whole number of MiB",
  },
  { what: "a missing object", path: ["settings"], value: undefined, line: "settings: missing; give an object" },
  {
    what: "text for a number",
    path: ["zones", "b", "nodes", 0, "port"],
    value: "6379",
    line: 'zones.b.nodes[0].port: "6379" is not a whole number',
  },
  {
    what: "a fraction",
    path: ["settings", "maxMemoryMb"],
    value: 1.5,
    line: "settings.maxMemoryMb: 1.5 is not a whole number",
  },
  {
    what: "not a number",
    path: ["settings", "maxMemoryMb"],
    value: NaN,
    line: "settings.maxMemoryMb: NaN is not a whole number",
  },
  {
    what: "text for a truth value",
    path: ["zones", "a", "nodes", 0, "promotable"],
    value: "no",
    line: 'zones.a.nodes[0].promotable: "no" is not true or false',
  },
  {
    what: "a list for an object",
    path: ["zones"],
    value: [],
    line: "zones: a list is not an object with a name for each entry",
  },
  {
    what: "an object for a list",
    path: ["zones", "a", "nodes"],
    value: {},
    line: "zones.a.nodes: an object is not a list",
  },
  {
    what: "null for a node",
    path: ["zones", "a", "nodes", 0],
    value: null,
    line: "zones.a.nodes[0]: null is not an object",
  },
  {
    what: "a redis.conf value that is neither text nor number",
    path: ["settings", "redisConf"],
    value: { appendonly: true },
    line: "settings.redisConf.appendonly: true cannot be used; use a text or a number",
  },
  {
    what: "a redis.conf value of two lines",
    path: ["settings", "redisConf"],
    value: { timeout: "1\ndir /" },
    line: 'settings.redisConf.timeout: "1\\ndir /" cannot be used; use one line',
  },
  {
    what: "a redis.conf key in upper case",
    path: ["settings", "redisConf"],
    value: { Timeout: "1" },
    line: "settings.redisConf.Timeout: this name cannot be used; use the lower-case name of a redis.conf key",
  },
  {
    what: "a port that is too small",
    path: ["zones", "a", "nodes", 0, "port"],
    value: 80,
    line: "zones.a.nodes[0].port: 80 is too small; use 1024 or more",
  },
  {
    what: "a port that is too large",
    path: ["zones", "a", "nodes", 0, "port"],
    value: 70000,
    line: "zones.a.nodes[0].port: 70000 is too large; use 65535 or less",
  },
  {
    what: "zero where one is least",
    path: ["settings", "quorum"],
    value: 0,
    line: "settings.quorum: 0 is too small; use 1 or more",
  },
  {
    what: "a small backlog",
    path: ["settings", "replBacklogMb"],
    value: 1,
    line: "settings.replBacklogMb: 1 cannot be used; use 64 or more: below, a short absence of a replica costs a full copy",
  },
  {
    what: "a node that runs nothing",
    path: ["zones", "a", "nodes", 0, "runs"],
    value: [],
    line: "zones.a.nodes[0].runs: empty; give at least one entry",
  },
  {
    what: "a server that does not exist",
    path: ["zones", "a", "nodes", 0, "runs"],
    value: ["redis", "sentinal"],
    line: 'zones.a.nodes[0].runs[1]: "sentinal" is unknown; use one of redis, sentinel',
  },
  {
    what: "an unknown engine",
    path: ["engine"],
    value: "keydb",
    line: 'engine: "keydb" is unknown; use one of redis, valkey',
  },
  {
    what: "an empty text",
    path: ["target", "user"],
    value: "",
    base: sshInput,
    line: "target.user: empty; give a text",
  },
  {
    what: "a host name for an address",
    path: ["zones", "a", "nodes", 0, "address"],
    value: "redis-a",
    base: sshInput,
    line: 'zones.a.nodes[0].address: "redis-a" cannot be used; use an IPv4 address, for example 10.0.1.4',
  },
  {
    what: "a range that is none",
    path: ["target", "vpcCidr"],
    value: "10.0.0.256/16",
    base: awsInput,
    line: 'target.vpcCidr: "10.0.0.256/16" cannot be used; use IPv4 CIDR notation, for example 10.0.1.0/24',
  },
  {
    what: "a short account id",
    path: ["target", "accountId"],
    value: "123",
    base: awsInput,
    line: 'target.accountId: "123" cannot be used; use the 12 digits of the AWS account',
  },
  {
    what: "a zone name with a space",
    path: ["zones"],
    value: { "Zone C": { nodes: [] } },
    line: 'zones["Zone C"]: this name cannot be used; use 1 to 31 lower-case letters, digits and hyphens, starting with a letter',
  },
  {
    what: "an unknown target",
    path: ["target"],
    value: { kind: "gcp" },
    line: 'target.kind: "gcp" is unknown; use one of local, ssh, aws',
  },
  {
    what: "a target without kind",
    path: ["target"],
    value: {},
    line: "target.kind: missing; use one of local, ssh, aws",
  },
  { what: "text for a target", path: ["target"], value: "local", line: 'target: "local" is not an object' },
  {
    what: "an unknown backend",
    path: ["backend"],
    value: { kind: "gcs" },
    line: 'backend.kind: "gcs" is unknown; use one of local, s3',
  },
  {
    what: "a field of another target",
    path: ["target"],
    value: { kind: "local", user: "me" },
    line: "target: unknown field user (known here: kind)",
  },
  {
    what: "a misspelt field",
    path: ["settings"],
    value: { maxMemoryMb: 100, downAfterMS: 2000 },
    line: `settings: unknown field downAfterMS, did you mean downAfterMs? (known here: ${settings})`,
  },
  {
    what: "a shortened field",
    path: ["settings"],
    value: { maxMemoryMb: 100, maxMemory: 2000 },
    line: `settings: unknown field maxMemory, did you mean maxMemoryMb? (known here: ${settings})`,
  },
  {
    what: "unknown fields",
    path: ["zones", "a"],
    value: { nodes: [{ name: "redis-a", port: 6501, sentinelPort: 26501 }], node: [], colour: "red" },
    line: "zones.a: unknown field node, did you mean nodes?; unknown field colour (known here: nodes, availabilityZone, subnetCidr, subnetId, publicSubnetCidr, releaseDataVolume)",
  },
];

describe("what the schema finds, in the user's words", () => {
  it.each(cases)("$what", ({ path, value, line, base = localInput }) => {
    const input = withField(base(), path, value) as { name: string };
    expect(linesOf([input])).toEqual([`environments/${input.name}.ts: ${line}`]);
  });

  it("an environment whose name cannot be a file is called by its place in the list", () => {
    expect(linesOf([localInput(), { ...sshInput(), name: "My Hosts" }, undefined])).toEqual([
      'environments/index.ts: entry 2: name: "My Hosts" cannot be used; use 1 to 31 lower-case letters, digits and hyphens, starting with a letter',
      "environments/index.ts: entry 3: missing; give an object",
    ]);
  });
});
