import type { Reach } from "../remote/reach.ts";
import type { TopologyNode } from "./topology.ts";

/**
 * `cdktf.out/environments.json`: what the operator's command needs to find every environment's nodes. No secrets, and no
 * path but those of a description, as it has them.
 */
export interface Inventory {
  readonly version: 1;
  readonly environments: Readonly<Record<string, InventoryEnvironment>>;
}

/** Where the secrets of an environment are. */
export type SecretsPlace =
  /** In a folder of the user's, which follows from the environment. */
  | { readonly kind: "file" }
  /** In Parameter Store, below `path`, for example /redis-ha/prod. */
  | { readonly kind: "ssm"; readonly region: string; readonly kmsKeyId?: string; readonly path: string };

/** The bucket in which Terraform keeps the states of an environment's stacks. */
export interface StateBucketPlace {
  readonly bucket: string;
  readonly region: string;
  /** What the keys of its states begin with, for example redis-ha/prod/. */
  readonly keys: string;
  /** Target `aws`: the account that it has to be in. */
  readonly accountId?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface InventoryEnvironment {
  readonly target: "local" | "ssh" | "aws";
  /** Target `aws`: the account is still that of the examples, so nothing of it is anywhere. */
  readonly example?: true | undefined;
  /** Target `ssh`: how the hosts are reached. A relative path counts from the checkout. */
  readonly reach?: Reach;
  readonly engine: "redis" | "valkey";
  readonly masterName: string;
  readonly quorum: number;
  readonly minReplicasToWrite: number;
  readonly secrets: SecretsPlace;
  /** The servers listen for TLS, and for nothing else. */
  readonly tls: boolean;
  /** They take only clients that show a certificate. */
  readonly clientCertificates?: boolean;
  readonly nodes: readonly TopologyNode[];
  /** Stacks in the order in which they are applied. */
  readonly stacks: readonly string[];
  /** Absent where the states are local files. */
  readonly stateBucket?: StateBucketPlace | undefined;
}
