import { z } from "zod";
import { checkTitles, type CheckId } from "../../cluster/verify.ts";

// The contracts of docs/json.md, strictly: a field more or less is a change of the contract.

const sentinel = z.strictObject({
  names: z.string().nullable(),
  epoch: z.int().min(0).nullable(),
  flags: z.string().nullable(),
  pid: z.int().positive().nullable(),
  error: z.string().nullable(),
});

const node = z.strictObject({
  name: z.string(),
  zone: z.string(),
  kind: z.enum(["data", "witness"]),
  address: z.ipv4(),
  port: z.int().nullable(),
  sentinelPort: z.int().nullable(),
  role: z.enum(["master", "replica"]).nullable(),
  pid: z.int().positive().nullable(),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+/)
    .nullable(),
  offset: z.int().min(0).nullable(),
  lagBytes: z.int().min(0).nullable(),
  lagSeconds: z.int().min(0).nullable(),
  link: z.enum(["up", "down"]).nullable(),
  syncing: z.boolean().nullable(),
  loading: z.boolean().nullable(),
  masterNode: z.string().nullable(),
  error: z.string().nullable(),
  sentinel: sentinel.nullable(),
  certificate: z.strictObject({ validTo: z.iso.datetime() }).nullable(),
});

export const statusSchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  masterName: z.string(),
  engine: z.enum(["redis", "valkey"]),
  healthy: z.boolean(),
  summary: z.string().min(1),
  master: z.string().nullable(),
  nodes: z.array(node),
  rotations: z
    .array(
      z.strictObject({ what: z.enum(["passwords", "certificates", "authority"]), stage: z.enum(["begun", "waiting"]) }),
    )
    .nullable(),
});

export const verifySchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  holds: z.boolean(),
  checks: z.array(
    z.strictObject({
      id: z.enum(Object.keys(checkTitles) as CheckId[]),
      node: z.string().nullable(),
      holds: z.boolean(),
      message: z.string().min(1),
      remedy: z.string().nullable(),
    }),
  ),
});

export const inventorySchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  target: z.enum(["local", "ssh", "aws"]),
  engine: z.enum(["redis", "valkey"]),
  masterName: z.string(),
  quorum: z.int().positive(),
  nodes: z.array(
    z.strictObject({
      name: z.string(),
      zone: z.string(),
      kind: z.enum(["data", "witness"]),
      address: z.ipv4(),
      port: z.int().nullable(),
      sentinelPort: z.int().nullable(),
      promotable: z.boolean(),
    }),
  ),
});

const clientOfDrill = {
  client: z.string().min(1),
  errors: z.record(z.string(), z.int().positive()).nullable(),
  longestGapMs: z.number().min(0).nullable(),
  gapBeganMs: z.number().nullable(),
  recovered: z.boolean(),
};

export const drillSchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  fault: z.string(),
  at: z.iso.datetime(),
  promise: z.enum(["every-write", "wait"]),
  holds: z.boolean(),
  problems: z.array(z.string().min(1)),
  masterBefore: z.string(),
  masterAfter: z.string().nullable(),
  wholeAfterMs: z.number().min(0).nullable(),
  ownPauseMs: z.number().min(0).nullable(),
  writers: z.array(
    z.strictObject({
      ...clientOfDrill,
      rate: z.enum(["paced", "full"]),
      wait: z.boolean(),
      acknowledged: z.int().min(0),
      lost: z.int().min(0).nullable(),
      lostFirstMs: z.number().nullable(),
      lostLastMs: z.number().nullable(),
      repeated: z.int().min(0),
    }),
  ),
  readers: z.array(z.strictObject({ ...clientOfDrill, reads: z.int().min(0), stale: z.int().min(0) })),
});

const nodeEffect = z.enum(["live", "sentinel", "restart", "add", "replace", "retire", "data"]);
const sharedEffect = z.enum(["shared", "shared-delete", "shared-outputs"]);
const effect = z.union([nodeEffect, sharedEffect]);

export const planSchema = z.strictObject({
  version: z.literal(1),
  environment: z.string(),
  effects: z.array(effect),
  failed: z.array(effect),
  nodes: z.array(
    z.strictObject({
      name: z.string(),
      zone: z.string(),
      effects: z.array(nodeEffect),
      reasons: z.array(z.string()),
      settings: z.array(
        z.strictObject({
          file: z.string(),
          key: z.string(),
          before: z.string().nullable(),
          after: z.string().nullable(),
          effect: z.enum(["live", "sentinel", "restart"]),
        }),
      ),
      machine: z.enum(["replaced", "stopped"]).nullable(),
    }),
  ),
  shared: z.array(
    z.strictObject({
      stack: z.string(),
      effects: z.array(sharedEffect),
      created: z.int().min(0),
      changed: z.int().min(0),
      replaced: z.array(z.string()),
      deleted: z.array(z.string()),
      outputs: z.array(z.string()),
    }),
  ),
});
