import { createHash, randomBytes } from "node:crypto";
import type { RedisUser, SentinelUser } from "../topology/acl-node.ts";

/** Who has a password. */
export type User = RedisUser | SentinelUser;

/** The name of a user's password in the store. */
export const passwordOf = (user: User): string => `users/${user}`;

/** 32 random bytes as 43 letters, digits, `-` and `_`: nothing that a configuration file, URL or shell would need quoted. */
export const newPassword = (): string => randomBytes(32).toString("base64url");

/** What an ACL file has in place of the password, after a `#`: its SHA-256 as 64 hexadecimal digits. */
export const passwordHash = (password: string): string => createHash("sha256").update(password).digest("hex");
