import { createHash, randomBytes } from "node:crypto";

/** Users of redis-server. */
export const redisUsers = ["app", "reader", "replica", "sentinel", "monitor", "admin"] as const;
/** Users of redis-sentinel: its peers and the agents; clients, which only ask. */
export const sentinelUsers = ["sentinel-peer", "sentinel-client"] as const;

export type User = (typeof redisUsers)[number] | (typeof sentinelUsers)[number];

/** The name of a user's password in the store. */
export const passwordOf = (user: User): string => `users/${user}`;

/** 32 random bytes as 43 letters, digits, `-` and `_`: nothing that a configuration file, URL or shell would need quoted. */
export const newPassword = (): string => randomBytes(32).toString("base64url");

/** What an ACL file has in place of the password, after a `#`: its SHA-256 as 64 hexadecimal digits. */
export const passwordHash = (password: string): string => createHash("sha256").update(password).digest("hex");
