import type { PasswordHashes } from "./acl-node.ts";

/** As whom a node's own servers and its agent speak to the others. */
export const ownUsers = ["replica", "sentinel", "sentinel-peer", "admin"] as const;
export type OwnUser = (typeof ownUsers)[number];

/**
 * What one node gets of its environment's secrets, and nothing more: the passwords that it must say itself, of all others
 * what it takes to check them, and its own key. It travels as JSON over ssh, from the store to the node's folder, and stands in
 * no description, state, argument or environment.
 */
export interface NodeSecrets {
  /** Of the store: it goes up with each change there. */
  readonly revision: number;
  readonly hashes: PasswordHashes;
  readonly passwords: Readonly<Record<OwnUser, string>>;
  /** Absent on a node that does without. */
  readonly tls?: TlsSet;
}

/** What a node needs for TLS, all in PEM. */
export interface TlsSet {
  /** The certificates of the authorities that are trusted: one or more. */
  readonly authority: string;
  /** The node's certificate; after it, those between it and an authority, if there are any. */
  readonly certificate: string;
  readonly key: string;
}
