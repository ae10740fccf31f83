import { join } from "node:path";
import type { Redis } from "ioredis";
import { waitFor } from "../../agent/processes.ts";
import type { ServerPrograms } from "../../tools/servers/tested.ts";
import { type aclFiles, connectAs, login, launchSentinelWithUsers, launchWithUsers, passwordOf } from "./acl.ts";
import type { RunningServer } from "./redis-process.ts";

/** What the Sentinels of a group call its master. */
export const master = "test-acl";

const redisPorts = [18_731, 18_732, 18_733] as const;
const sentinelPorts = [18_741, 18_742, 18_743] as const;

/** Three data nodes and three Sentinels that reach each other as the rendered users. Stopped by `withFolder`. */
export class AclGroup {
  private readonly servers = new Map<number, RunningServer>();
  private readonly sentinels: RunningServer[] = [];

  private constructor(
    private readonly folder: string,
    private readonly programs: ServerPrograms,
    private readonly files: ReturnType<typeof aclFiles>,
    private readonly patienceMs: number,
  ) {}

  /** @param patienceMs for each thing that is waited for */
  static async start(
    folder: string,
    programs: ServerPrograms,
    files: ReturnType<typeof aclFiles>,
    patienceMs = 30_000,
  ): Promise<AclGroup> {
    const group = new AclGroup(folder, programs, files, patienceMs);
    await group.launch(redisPorts[0]);
    await Promise.all(redisPorts.slice(1).map((port) => group.launch(port, redisPorts[0])));
    const conf =
      `sentinel sentinel-user sentinel-peer\nsentinel sentinel-pass "${passwordOf("sentinel-peer")}"\n` +
      `sentinel auth-user ${master} sentinel\nsentinel auth-pass ${master} "${passwordOf("sentinel")}"\n` +
      `sentinel down-after-milliseconds ${master} 1000\nsentinel failover-timeout ${master} 6000\n`;
    const state = `sentinel monitor ${master} 127.0.0.1 ${redisPorts[0]} 2\n`;
    for (const port of sentinelPorts) {
      const own = join(folder, String(port));
      group.sentinels.push(
        await launchSentinelWithUsers({ folder: own, port, programs, acl: files.sentinel, conf, state }),
      );
    }
    await group.complete();
    return group;
  }

  private async launch(port: number, follows?: number): Promise<void> {
    const conf =
      `masteruser replica\nmasterauth "${passwordOf("replica")}"\n` +
      "repl-diskless-sync-delay 0\nmin-replicas-to-write 1\nbusy-reply-threshold 200\nenable-debug-command yes\n" +
      (follows === undefined ? "" : `replicaof 127.0.0.1 ${follows}\n`);
    const folder = join(this.folder, String(port));
    const { programs, files } = this;
    this.servers.set(port, await launchWithUsers({ folder, port, programs, acl: files.redis, conf }));
  }

  /** The port of the master that all Sentinels name, once they do. */
  async master(): Promise<number> {
    return waitFor(
      "the Sentinels name one master",
      async () => {
        const named = await Promise.all(
          this.sentinels.map(async ({ client }) => {
            const [, port] = (await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)) as string[];
            return Number(port);
          }),
        );
        return new Set(named).size === 1 ? named[0] : undefined;
      },
      this.patienceMs,
    );
  }

  /** Every Sentinel sees the others and a healthy master, which has both replicas in step. */
  async complete(): Promise<void> {
    const is = async (): Promise<true | undefined> => {
      for (const { client } of this.sentinels) {
        const fields = (await client.call("SENTINEL", "MASTER", master)) as string[];
        const field = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
        if (field("flags") !== "master" || field("num-other-sentinels") !== "2") return undefined;
        if (field("num-slaves") !== "2") return undefined;
      }
      const info = await asAdmin(await this.master(), (redis) => redis.info("replication"));
      return (info.match(/state=online/g)?.length === 2 && /^role:master/m.test(info)) || undefined;
    };
    await waitFor("the group is complete", is, this.patienceMs);
  }

  /** Ends the master by force, waits for the next one and starts it again as its replica. @returns its port */
  async killMaster(): Promise<number> {
    const port = await this.master();
    process.kill(this.servers.get(port)?.pid ?? 0, "SIGKILL");
    await waitFor("a failover", async () => (await this.master()) !== port || undefined, this.patienceMs);
    await this.launch(port, await this.master());
    return port;
  }

  /** FAILOVER and then the Sentinels, as admin and sentinel-peer. */
  async handOver(): Promise<void> {
    const from = await this.master();
    const [to = 0] = redisPorts.filter((port) => port !== from);
    await asAdmin(from, (redis) => redis.call("FAILOVER", "TO", "127.0.0.1", to));
    await waitFor(
      "the hand-over",
      async () => {
        const info = await asAdmin(from, (redis) => redis.info("replication"));
        return /^role:slave[^]*master_link_status:up/m.test(info) || undefined;
      },
      this.patienceMs,
    );
    const others = redisPorts.filter((port) => port !== to);
    for (const port of others) await asAdmin(port, (redis) => redis.replicaof("127.0.0.1", to));
    for (const { client } of this.sentinels) {
      await client.call("SENTINEL", "REMOVE", master);
      await client.call("SENTINEL", "MONITOR", master, "127.0.0.1", to, 2);
      const auth = ["auth-user", "sentinel", "auth-pass", passwordOf("sentinel")];
      await client.call("SENTINEL", "SET", master, "down-after-milliseconds", "1000", ...auth);
    }
  }

  /** What some server refused to some user, in the words of its ACL LOG. */
  async refusals(): Promise<string[]> {
    const logs = await Promise.all(
      [...redisPorts, ...sentinelPorts].map(async (port, index) => {
        const user = index < redisPorts.length ? "admin" : "sentinel-peer";
        const log = (await asAdmin(port, (redis) => redis.call("ACL", "LOG"), user)) as string[][];
        return log.map((entry) => `${port}: ${entry.join(" ")}`);
      }),
    );
    return logs.flat();
  }
}

/** By a connection of its own: Sentinels close those of a server whose role they change. */
async function asAdmin<T>(port: number, use: (redis: Redis) => Promise<T>, user = "admin"): Promise<T> {
  const redis = await connectAs(port, login(user));
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
