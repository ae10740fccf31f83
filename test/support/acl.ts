import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Redis } from "ioredis";
import { environmentSchema, type Environment, type EnvironmentInput } from "../../environments/environment.ts";
import { local } from "../../environments/local.ts";
import { passwordHash } from "../../secrets/passwords.ts";
import { sentinelUsersAcl, usersAcl } from "../../topology/acl.ts";
import { aclOnNode, type AclServer, redisUsers, sentinelUsers } from "../../topology/acl-node.ts";
import type { ServerPrograms } from "../../tools/servers/tested.ts";
import { launchRedis, launchSentinel, type Login, type RunningServer } from "./redis-process.ts";

/** Servers with the rendered users. Each password follows from the name of its user. */

export const passwordOf = (user: string): string => `password of ${user}`;
export const login = (username: string): Login => ({ username, password: passwordOf(username) });

/** One hash for each user of both servers. */
export const hashes: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [...redisUsers, ...sentinelUsers].map((user) => [user, [passwordHash(passwordOf(user))]]),
);

/** The local environment with this access. */
export const withAccess = (access: EnvironmentInput["access"], engine: Environment["engine"] = "redis"): Environment =>
  environmentSchema.parse({ ...local, engine, access });

/** The two ACL files of a node of such an environment. */
export function aclFiles(server: AclServer, access?: EnvironmentInput["access"], passwords = hashes) {
  const environment = withAccess(access, server.engine);
  return {
    redis: aclOnNode(usersAcl(environment), server, passwords),
    sentinel: aclOnNode(sentinelUsersAcl(environment), server, passwords),
  };
}

interface Launch {
  readonly folder: string;
  readonly port: number;
  readonly programs: ServerPrograms;
  readonly acl: string;
  readonly conf?: string;
}

/** redis-server with an ACL file; its `client` is admin. */
export async function launchWithUsers({ folder, port, programs, acl, conf = "" }: Launch): Promise<RunningServer> {
  const text = `port ${port}\nbind 127.0.0.1\nsave ""\n${await aclLine(folder, acl)}${conf}`;
  return launchRedis({ folder, port, program: programs.server, conf: text, login: login("admin") });
}

/** redis-sentinel with an ACL file; its `client` is sentinel-peer. */
export async function launchSentinelWithUsers({
  folder,
  port,
  programs,
  acl,
  conf = "",
  state,
}: Launch & { readonly state: string }): Promise<RunningServer> {
  const text = `port ${port}\nbind 127.0.0.1\n${await aclLine(folder, acl)}${conf}`;
  return launchSentinel({ folder, port, program: programs.sentinel, conf: text, state, login: login("sentinel-peer") });
}

async function aclLine(folder: string, acl: string): Promise<string> {
  const file = join(folder, "users.acl");
  await mkdir(folder, { recursive: true });
  await writeFile(file, acl);
  return `aclfile "${file}"\n`;
}

/** A connection that says what happens to it and does not come back by itself. */
export async function connectAs(port: number, user: Partial<Login> = {}): Promise<Redis> {
  const redis = new Redis({
    host: "127.0.0.1",
    port,
    ...user,
    lazyConnect: true,
    retryStrategy: () => null,
    disableClientInfo: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5000,
  });
  redis.on("error", () => undefined);
  await redis.connect();
  return redis;
}

/** `yes`; `no` when the user's rights do not hold the command; what the server says when it fails for another reason. */
export async function may(redis: Redis, [name = "", ...args]: readonly string[]): Promise<string> {
  try {
    // The client knows a subscription by its lower-case name only.
    await redis.call(name.toLowerCase(), ...args);
    return "yes";
  } catch (error) {
    const { name: kind, message } = error as Error;
    if (kind !== "ReplyError") throw error;
    // Scripts and the options of SORT have words of their own for it.
    return /NOPERM|ACL failure|executing the script can't|denied due to insufficient ACL/.test(message)
      ? "no"
      : message;
  }
}

/** The first line of the answer to whoever connects and says only this; a client would log in first. */
export function say(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 5000 }, () => socket.write(`${line}\r\n`));
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().split("\r\n")[0] ?? "");
    });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error(`no answer to ${line} within 5 s`)));
  });
}
