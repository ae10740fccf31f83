import type { Engine } from "./server-keys.ts";

/** Makes the file of one node out of the rendered users. Runs on the nodes, so it is pure and reads no template. */

/** Who connects to redis-server, by the names in `templates/users.acl`; each has a password of its own. */
export const redisUsers = ["app", "reader", "replica", "sentinel", "monitor", "admin"] as const;
/** The same for redis-sentinel and `templates/sentinel-users.acl`. */
export const sentinelUsers = ["sentinel-peer", "sentinel-client"] as const;
export type RedisUser = (typeof redisUsers)[number];
export type SentinelUser = (typeof sentinelUsers)[number];

/** SHA-256 of each user's password in lower-case hex: one, or two while a password is being replaced. */
export type PasswordHashes<User extends string = RedisUser | SentinelUser> = Readonly<Record<User, readonly string[]>>;

/** Rules of the templates that a supported version does not know yet, and does not start with. */
const since: Readonly<Record<Engine, Readonly<Record<string, string>>>> = {
  redis: {},
  valkey: {
    "+commandlog|get": "8.1",
    "+commandlog|len": "8.1",
    "+sentinel|get-primary-addr-by-name": "8.0",
    "+sentinel|primary": "8.0",
    "+sentinel|primaries": "8.0",
  },
};

/** The server at hand: engine, and version as it says it of itself, `8.1.1`. */
export interface AclServer {
  readonly engine: Engine;
  readonly version: string;
}

/**
 * The ACL file of a node: the rendered users with their passwords, and only with rules that its server knows.
 * @param acl from `usersAcl` or `sentinelUsersAcl`
 * @throws when a user has no hash, more than two, or something that is none; the message does not hold it
 */
export function aclOnNode(acl: string, server: AclServer, hashes: Readonly<Record<string, readonly string[]>>): string {
  const known = (rule: string): boolean => {
    const first = since[server.engine][rule];
    return first === undefined || atLeast(server.version, first);
  };
  return acl.replace(/^user (\S+) (on|off)\b(.*)$/gm, (_, name: string, state: string, rules: string) => {
    const passwords = state === "on" ? passwordsOf(name, Object.hasOwn(hashes, name) ? hashes[name] : undefined) : [];
    return ["user", name, state, ...passwords, ...rules.trim().split(" ").filter(known)].join(" ");
  });
}

function passwordsOf(user: string, hashes: readonly string[] = []): string[] {
  if (hashes.length < 1 || hashes.length > 2) {
    throw new Error(`user ${user} has ${hashes.length} passwords; give one, or two while it is being replaced`);
  }
  if (!hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash))) {
    throw new Error(`user ${user}: not a SHA-256 in 64 lower-case hex digits; give the hash of the password`);
  }
  return hashes.map((hash) => `#${hash}`);
}

/** Compares as many parts as `first` has. */
function atLeast(version: string, first: string): boolean {
  const parts = version.split(".").map(Number);
  const wanted = first.split(".").map(Number);
  const at = wanted.findIndex((part, index) => part !== parts[index]);
  return at === -1 || (parts[at] ?? 0) > (wanted[at] ?? 0);
}
