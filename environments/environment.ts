import { z } from "zod";
import { access } from "./access.ts";
import { cidr, region, target } from "./target.ts";

/**
 * The one description of an environment. Everything that follows (topology, Terraform JSON,
 * redis.conf, sentinel.conf, the node's agent) is derived from it; nothing is read back.
 */

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, "use 1 to 31 lower-case letters, digits and hyphens, starting with a letter");

const port = z.int().min(1024).max(65535);

const node = z.strictObject({
  /** Unique in the environment; appears in Terraform addresses, folders and logs. */
  name,
  /**
   * What runs on the node. `["sentinel"]` alone is a witness: a vote without data.
   * @default ["redis", "sentinel"]
   */
  runs: z
    .array(z.enum(["redis", "sentinel"]))
    .min(1)
    .default(["redis", "sentinel"]),
  /**
   * False: this replica is never made master (replica-priority 0), for example a reporting replica.
   * @default true
   */
  promotable: z.boolean().default(true),
  /**
   * IPv4 address that the other nodes and the clients use.
   * Required for the targets `ssh` and `aws`.
   * @default 127.0.0.1 for the target `local`
   */
  address: z.ipv4("use an IPv4 address, for example 10.0.1.4").optional(),
  /**
   * Port of redis-server. Required for the target `local`, where all nodes share one address.
   * @default 6379 for the targets `ssh` and `aws`
   */
  port: port.optional(),
  /**
   * Port of redis-sentinel. Required for the target `local`.
   * @default 26379 for the targets `ssh` and `aws`
   */
  sentinelPort: port.optional(),
});

const zone = z.strictObject({
  /** The nodes that may fail, and are rolled out, together: at most one of them with data. Empty it before removing it. */
  nodes: z.array(node),
  /** Target `aws`: the availability zone, for example eu-central-1a. Several zones may share one. */
  availabilityZone: z.string().optional(),
  /** Target `aws`: the subnet that the addresses of the nodes lie in. */
  subnetCidr: cidr.optional(),
  /** Target `aws`, in an existing VPC: the id of that subnet. */
  subnetId: z
    .string()
    .regex(/^subnet-[0-9a-f]{8,17}$/, "use the id of a subnet, for example subnet-0123456789abcdef0")
    .optional(),
  /** Target `aws`: the range of a public subnet in the same availability zone, for its NAT gateway. */
  publicSubnetCidr: cidr.optional(),
  /**
   * Target `aws`: lets the next apply delete the data volume of a node that is taken out, after a last snapshot. Without it,
   * a plan that would delete one fails.
   * @default false
   */
  releaseDataVolume: z.boolean().optional(),
});

const backend = z.discriminatedUnion("kind", [
  z.strictObject({
    /** Terraform state in `.state/<environment>/` of this checkout. */
    kind: z.literal("local"),
  }),
  z.strictObject({
    /** Terraform state in a versioned, encrypted S3 bucket with a lock file. */
    kind: z.literal("s3"),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "use a valid S3 bucket name"),
    region,
  }),
]);

const secrets = z.discriminatedUnion("kind", [
  z.strictObject({
    /** Files that only you can read, in `~/.local/share/cdktf-redis-ha/secrets` on the computer that commands run on. */
    kind: z.literal("file"),
  }),
  z.strictObject({
    /** SecureString parameters below /<project>/<name>/ in the Parameter Store of AWS Systems Manager. */
    kind: z.literal("ssm"),
    region,
    /**
     * The KMS key that encrypts them: its id, its ARN or an alias.
     * @default - the account's own key for Parameter Store, alias/aws/ssm
     */
    kmsKeyId: z
      .string()
      .regex(
        /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)\/[\w/-]+|alias\/[\w/-]+|(mrk-)?[0-9a-f-]{32,36})$/,
        "use the id of a KMS key, its ARN, or an alias as alias/redis",
      )
      .optional(),
  }),
]);

const settings = z.strictObject({
  /**
   * Most memory that redis-server uses, in MiB, for data and what it keeps for replicas (`replBacklogMb`, 64). At most 45 % of the
   * host's: a fork under writes can double it.
   * @default - 45 % of the host's, where that is known: by `target.hostMemoryMb`, or by the instance type
   */
  maxMemoryMb: z.int().positive().optional(),
  /**
   * What happens when maxMemoryMb is reached. The default refuses writes and keeps data.
   * @default "noeviction"
   */
  maxMemoryPolicy: z
    .enum([
      "noeviction",
      "allkeys-lru",
      "allkeys-lfu",
      "allkeys-random",
      "volatile-lru",
      "volatile-lfu",
      "volatile-random",
      "volatile-ttl",
    ])
    .default("noeviction"),
  /**
   * When the append-only file is flushed to disk.
   * @default "everysec"
   */
  appendFsync: z.enum(["always", "everysec", "no"]).default("everysec"),
  /**
   * Memory kept for replicas that were away, in MiB: bytes written per second times the longest absence
   * that shall not cost a full copy.
   * @default 64
   */
  replBacklogMb: z.int().min(64, "use 64 or more: below, a short absence of a replica costs a full copy").default(64),
  /**
   * How long a silent master is waited for before it is failed over, in milliseconds.
   * @default 2000
   */
  downAfterMs: z.int().default(2000),
  /**
   * Time limit of one failover, in milliseconds; an aborted one is tried again after twice this time.
   * @default 10000
   */
  failoverTimeoutMs: z.int().min(6000).max(180_000).default(10_000),
  /**
   * Sentinels that must agree that the master is down.
   * @default - a majority of all Sentinels
   */
  quorum: z.int().positive().optional(),
  /**
   * The master accepts writes only while this many replicas are in step (min-replicas-to-write).
   * @default - 1 with three data nodes and more; 0 with two, where 1 would turn a restart of the only replica into an outage
   */
  minReplicasToWrite: z.int().min(0).optional(),
  /**
   * A replica that has not acknowledged for this many seconds is not in step (min-replicas-max-lag).
   * @default 2
   */
  minReplicasMaxLagSeconds: z.int().min(1).default(2),
  /**
   * What a node's agent does when its redis-server dies as master while the host lives. `promote`: a replica takes over
   * at once if it provably has, or can be given, everything that the dead master had written down; else as `restart`.
   * `restart`: the server is started again where it was, after which it loads its data. Neither loses a write;
   * docs/benchmarks.md has what each costs in time.
   * @default "promote"
   */
  onMasterCrash: z.enum(["promote", "restart"]).default("promote"),
  /**
   * Further keys of redis.conf, for example `{ "notify-keyspace-events": "Ex", databases: 20 }`.
   * Refused are a key that a setting above manages, one that would break the layout on the node, one that no tested
   * version of the engine knows, and a value that none of them takes. Any other wins over the template's own value.
   * @default - none
   */
  redisConf: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]*$/, "use the lower-case name of a redis.conf key"),
      z.union([z.string().regex(/^[^\r\n]*$/, "use one line"), z.number().transform(String)], {
        error: "use a text or a number",
      }),
    )
    .default({}),
});

export const environmentSchema = z.strictObject({
  /** The name of the environment and of its file, environments/<name>.ts. */
  name,
  /**
   * Prefix of the Sentinel master name, `<project>-<environment>`: two clusters that ever meet must not merge.
   * @default "redis-ha"
   */
  project: name.default("redis-ha"),
  /** Where the nodes run and how they are reached. */
  target,
  /**
   * Where Terraform keeps its state.
   * @default { kind: "local" }
   */
  backend: backend.default({ kind: "local" }),
  /**
   * Where passwords, keys and certificates are kept; never in Terraform's state or output.
   * @default - { kind: "ssm" } in the target's region for the target `aws`, else { kind: "file" }
   */
  secrets: secrets.optional(),
  /**
   * The server program.
   * @default "redis"
   */
  engine: z.enum(["redis", "valkey"]).default("redis"),
  /** The groups of nodes that may fail together, by name; at least three, applied in this order. */
  zones: z.record(name, zone),
  settings,
  /**
   * What the users `app` and `reader` reach; the other users' rights are in templates/users.acl.
   * @default - all keys, and every channel that does not begin with an underscore
   */
  access: access.prefault({}),
});

/** What a user writes. */
export type EnvironmentInput = z.input<typeof environmentSchema>;
/** The same with every default filled in. */
export type Environment = z.output<typeof environmentSchema>;
export type EnvironmentNode = z.output<typeof node>;
export type Target = Environment["target"];
export type AwsTarget = Extract<Target, { kind: "aws" }>;
export type Backend = Environment["backend"];
