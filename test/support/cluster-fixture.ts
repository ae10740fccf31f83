import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { nodeFolder, stateFolder } from "../../agent/node-folder.ts";
import { recordOf } from "../../agent/processes.ts";
import { secretFile, secretsConf, tlsFiles, writeServerSecrets } from "../../agent/server-secrets.ts";
import { ofNode } from "../../agent/apply.ts";
import { speakAsAgent, stageSecrets } from "../../agent/secrets.ts";
import { serverNames } from "../../agent/server.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import { type ClientLogins, clientLogins } from "../../secrets/logins.ts";
import { nodeSecrets } from "../../secrets/node-secrets.ts";
import { readyStore } from "../../secrets/open-store.ts";
import { sentinelUsersAcl, usersAcl } from "../../topology/acl.ts";
import { threeNodes } from "./checkout.ts";
import { askRedis, askSentinels, redisEndpoint, sentinelEndpoint } from "../../cluster/answers.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { Inventory, InventoryEnvironment } from "../../topology/inventory.ts";
import type { NodeSecrets, TlsSet } from "../../topology/node-secrets.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import type { TopologyNode } from "../../topology/topology.ts";

/** Everybody reaches all keys. */
const withUsers = parseEnvironment(threeNodes("local", 17000));

export interface FixtureOptions {
  /** The cluster takes this port and the ten after it. */
  readonly port: number;
  /** `pair`: one master, one replica and a witness. */
  readonly shape?: "three" | "pair";
  /** Long by default, so that no failover happens while a test has something stopped. */
  readonly downAfterMs?: number;
}

export type ProcessName = `${string}/redis` | `${string}/sentinel`;

/**
 * A cluster of real servers and Sentinels that has nothing to do with the agent: minimal files, written and started
 * here, in the folders where the operator's command looks. Starts in about a second, since the Sentinels are told of
 * each other. `end` stops what was started, by its own pids.
 */
export class ClusterFixture {
  readonly environment = "local";
  readonly inventory: InventoryEnvironment;
  readonly specs: ReadonlyMap<string, NodeSpec>;
  private readonly processes = new Map<string, ChildProcess>();
  /** What clients log in with. */
  logins!: ClientLogins;
  private readonly killAll = (): void => this.processes.forEach((child) => child.kill("SIGKILL"));

  private constructor(
    /** A checkout with a cdktf.json, synthesized output and nothing else. */
    readonly root: string,
    private readonly options: FixtureOptions,
  ) {
    const { port, shape = "three" } = options;
    const names = shape === "three" ? ["redis-a", "redis-b", "redis-c"] : ["redis-a", "redis-b", "witness-c"];
    const nodes = names.map((name, index): TopologyNode => {
      const data = !name.startsWith("witness");
      const zone = name.at(-1) ?? "";
      const base = { name, zone, address: "127.0.0.1", sentinelPort: port + 5 + index, promotable: data };
      return data ? { ...base, kind: "data", redisPort: port + index } : { ...base, kind: "witness" };
    });
    this.inventory = {
      target: "local",
      engine: "redis",
      masterName: "test-local",
      quorum: 2,
      minReplicasToWrite: shape === "three" ? 1 : 0,
      secrets: { kind: "file" },
      tls: true,
      nodes,
      stacks: nodes.map(({ zone }) => `local-zone-${zone}`),
    };
    this.specs = new Map(nodes.map((node) => [node.name, this.spec(node)]));
  }

  static async start(options: FixtureOptions): Promise<ClusterFixture> {
    const root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "rha-")));
    process.env["XDG_STATE_HOME"] = path.join(root, "state");
    process.env["XDG_DATA_HOME"] = path.join(root, "data");
    const fixture = new ClusterFixture(root, options);
    process.once("exit", fixture.killAll);
    try {
      await fixture.writeFiles();
      await fixture.writeSecrets();
      for (const node of fixture.inventory.nodes) {
        if (node.redisPort !== undefined) await fixture.startProcess(`${node.name}/redis`);
      }
      for (const node of fixture.inventory.nodes) await fixture.startProcess(`${node.name}/sentinel`);
      await fixture.settled();
    } catch (error) {
      await fixture.end();
      throw error;
    }
    return fixture;
  }

  async end(): Promise<void> {
    await Promise.all([...this.processes.keys()].map((name) => this.stop(name as ProcessName)));
    process.off("exit", this.killAll);
    await fs.rm(this.root, { recursive: true, force: true });
  }

  node(name: string): TopologyNode {
    const node = this.inventory.nodes.find((each) => each.name === name);
    if (!node) throw new Error(`the fixture has no node ${name}`);
    return node;
  }

  redis<T>(name: string, use: (redis: Redis) => Promise<T>): Promise<T> {
    return withConnection(redisEndpoint(this.node(name)), use, 2000);
  }

  sentinel<T>(name: string, use: (redis: Redis) => Promise<T>): Promise<T> {
    return withConnection(sentinelEndpoint(this.node(name)), use, 2000);
  }

  folder(name: string): ReturnType<typeof nodeFolder> {
    return nodeFolder(stateFolder(this.root), this.environment, name);
  }

  async startProcess(name: ProcessName): Promise<void> {
    const [node = "", server] = name.split("/");
    const folder = this.folder(node);
    const redis = server === "redis";
    const files = (redis ? [folder.redisConf] : [folder.sentinelConf]).concat(
      secretsConf(folder, redis ? "redis" : "sentinel"),
    );
    const args = [
      redis ? folder.runtimeConf : folder.sentinelState,
      ...files.flatMap((file) => ["--include", file]),
      "--dir",
      redis ? folder.redisData : folder.sentinelData,
    ];
    const log = await fs.open(path.join(this.root, `${node}-${server}.log`), "a");
    const child = spawn(redis ? "redis-server" : "redis-sentinel", args, { stdio: ["ignore", log.fd, log.fd] });
    await log.close();
    this.processes.set(name, child);
    const ask = redis ? this.redis.bind(this) : this.sentinel.bind(this);
    await waitUntil(`${name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${await this.log(node, server ?? "")}`);
      return ask(node, (connection) => connection.ping()).then(
        () => true,
        () => false,
      );
    });
  }

  /** Ends a process as a crash would, a stopped one too, and waits for its end. */
  async stop(name: ProcessName): Promise<void> {
    const child = this.processes.get(name);
    this.processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Hangs a process (SIGSTOP); `resume` lets it go on. */
  hang(name: ProcessName): void {
    this.processes.get(name)?.kill("SIGSTOP");
  }

  resume(name: ProcessName): void {
    this.processes.get(name)?.kill("SIGCONT");
  }

  pid(name: ProcessName): number | undefined {
    return this.processes.get(name)?.pid;
  }

  /** Waits until one master has linked replicas and every Sentinel sees all of it. */
  async settled(): Promise<void> {
    const { nodes, masterName } = this.inventory;
    const data = nodes.filter(({ kind }) => kind === "data").length;
    await waitUntil("the cluster is settled", async () => {
      const [redis, sentinels] = await Promise.all([askRedis(nodes, 2000), askSentinels(nodes, masterName, 2000)]);
      const master = redis.find(({ state }) => state?.role === "master")?.state;
      return (
        redis.filter(({ state }) => state?.link === "up").length === data - 1 &&
        master?.replicas.filter(({ state, lagSeconds }) => state === "online" && lagSeconds <= 1).length === data - 1 &&
        sentinels.every(
          ({ state }) =>
            state?.flags === "master" &&
            state.replicas.length === data - 1 &&
            state.replicas.every(({ flags }) => flags === "slave") &&
            state.sentinels.length === nodes.length - 1 &&
            state.sentinels.every(({ flags }) => flags === "sentinel"),
        )
      );
    });
  }

  async writeSpec(spec: NodeSpec, where: "applied" | "synthesized"): Promise<void> {
    const file =
      where === "applied"
        ? this.folder(spec.node.name).spec
        : path.join(this.root, "cdktf.out", "specs", this.environment, `${spec.node.name}.json`);
    await write(file, JSON.stringify(spec));
  }

  private spec(node: TopologyNode): NodeSpec {
    const { masterName, quorum, nodes, minReplicasToWrite } = this.inventory;
    return {
      version: 1,
      environment: this.environment,
      target: "local",
      masterName,
      engine: "redis",
      quorum,
      node,
      peers: nodes.filter(({ name }) => name !== node.name),
      seed: "redis-a",
      tls: true,
      files: {
        "redis.conf": node.redisPort === undefined ? undefined : redisConf(node.redisPort, minReplicasToWrite),
        "sentinel.conf": sentinelConf(node.sentinelPort ?? 0, masterName, this.options.downAfterMs ?? 60_000),
        ...(node.redisPort === undefined ? {} : { "users.acl": usersAcl(withUsers) }),
        "sentinel-users.acl": sentinelUsersAcl(withUsers),
      },
    };
  }

  private async writeFiles(): Promise<void> {
    const { nodes, masterName, quorum } = this.inventory;
    const inventory: Inventory = { version: 1, environments: { [this.environment]: this.inventory } };
    await write(path.join(this.root, "cdktf.json"), "{}");
    await write(path.join(this.root, "cdktf.out", "environments.json"), JSON.stringify(inventory));
    const [master] = nodes;
    for (const node of nodes) {
      const spec = this.specs.get(node.name)!;
      const folder = this.folder(node.name);
      await this.writeSpec(spec, "applied");
      await this.writeSpec(spec, "synthesized");
      // The test itself looks after the servers.
      await write(path.join(folder.run, "agent.json"), JSON.stringify(recordOf(process.pid)));
      await fs.mkdir(folder.redisData, { recursive: true });
      await write(folder.runtimeConf, node === master ? "" : `replicaof 127.0.0.1 ${master?.redisPort}\n`);
      if (spec.files["redis.conf"] !== undefined) await write(folder.redisConf, spec.files["redis.conf"]);
      await write(folder.sentinelConf, spec.files["sentinel.conf"] ?? "");
      const known = nodes.flatMap((other) => [
        ...(other === node ? [] : [`known-sentinel ${masterName} 127.0.0.1 ${other.sentinelPort} ${runId(other)}`]),
        ...(other === master || other.redisPort === undefined
          ? []
          : [`known-replica ${masterName} 127.0.0.1 ${other.redisPort}`]),
      ]);
      const state = [`myid ${runId(node)}`, `monitor ${masterName} 127.0.0.1 ${master?.redisPort} ${quorum}`, ...known];
      await write(folder.sentinelState, state.map((line) => `sentinel ${line}\n`).join(""));
    }
  }

  /** What the nodes' agents would have got and written. */
  private async writeSecrets(): Promise<void> {
    const { environment, inventory, root } = this;
    const store = await readyStore({ environment, inventory }, root);
    for (const spec of this.specs.values()) {
      const folder = this.folder(spec.node.name);
      stageSecrets(folder, ofNode(spec, await nodeSecrets(store, environment, spec.node, this.inventory.tls)));
      for (const server of serverNames(spec.node)) await writeServerSecrets(server, spec, folder);
      speakAsAgent(inventory.nodes, folder);
    }
    this.logins = await clientLogins({ environment, inventory }, root);
  }

  /** Gives a node another certificate, which its running server does not show before `showCertificate`. */
  async giveCertificate(name: string, tls: TlsSet): Promise<void> {
    const folder = this.folder(name);
    const share = JSON.parse(await fs.readFile(folder.secrets, "utf8")) as NodeSecrets;
    stageSecrets(folder, { ...share, tls });
    for (const server of serverNames(this.node(name))) await writeServerSecrets(server, this.specs.get(name)!, folder);
  }

  async showCertificate(name: string): Promise<void> {
    const files = tlsFiles.flatMap((file) => [file.key, secretFile(this.folder(name), file.name)]);
    await this.redis(name, (redis) => redis.call("CONFIG", "SET", ...files));
  }

  private log(node: string, server: string): Promise<string> {
    return fs.readFile(path.join(this.root, `${node}-${server}.log`), "utf8");
  }
}

const runId = (node: TopologyNode): string => createHash("sha1").update(node.name).digest("hex");

const listening = (port: number): string => `port 0
tls-port ${port}
tls-replication yes
tls-auth-clients optional`;

const redisConf = (port: number, minReplicas: number): string => `${listening(port)}
bind 127.0.0.1
save ""
appendonly yes
maxmemory 64mb
replica-priority 100
min-replicas-to-write ${minReplicas}
min-replicas-max-lag 2
repl-diskless-sync-delay 0
`;

const sentinelConf = (port: number, masterName: string, downAfterMs: number): string => `${listening(port)}
bind 127.0.0.1
sentinel down-after-milliseconds ${masterName} ${downAfterMs}
sentinel failover-timeout ${masterName} 10000
sentinel parallel-syncs ${masterName} 1
`;

async function write(file: string, text: string): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, text);
}

/** Waits for a condition. @throws when it does not come true in time */
export async function waitUntil(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(50);
  }
}
