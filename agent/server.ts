import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { redisEndpoint, redisStateOf, sentinelEndpoint } from "../cluster/answers.ts";
import { type Endpoint, parseInfo, withConnection } from "../cluster/connection.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { cannotReadData, setAside } from "./crash/append-only-file.ts";
import { hasAddress, isListening, listenerOf } from "./ports.ts";
import { lastLines } from "./log.ts";
import { type NodeFolder, readIfThere, writeAtomically } from "./node-folder.ts";
import { fenceArguments, prestartRedis, prestartSentinel } from "./prestart.ts";
import { PRIORITY, startPriority } from "./recency.ts";
import { secretsConf, writeServerSecrets } from "./server-secrets.ts";
import { endProcess, isAlive, type ProcessRecord, readRecord, recordOf, waitFor } from "./processes.ts";

export type ServerName = "redis" | "sentinel";

/** The servers that a node runs, in the order in which they are started. */
export const serverNames = ({ redisPort, sentinelPort }: TopologyNode): ServerName[] => [
  ...(redisPort === undefined ? [] : (["redis"] as const)),
  ...(sentinelPort === undefined ? [] : (["sentinel"] as const)),
];

/** Where a node's server listens. */
export const endpointOf = (server: ServerName, node: TopologyNode): Endpoint =>
  server === "redis" ? redisEndpoint(node) : sentinelEndpoint(node);

/** What a server is started with. */
export interface Prepared {
  /** Hash of the template file that it reads. */
  readonly config: string;
  /** Keys of the template file that it read: one that is gone since goes back to its default only by a restart. */
  readonly keys: readonly string[];
  /** Started as a master that takes no writes until a quorum of Sentinels names it. */
  readonly fenced: boolean;
  /** The replica-priority with which it was started, until it is in step with a master. */
  readonly priority?: string | undefined;
}

/** A server that runs, as it was started. */
export interface ServerRecord extends ProcessRecord, Prepared {}

/** It runs, and what it was started with is not known: the next apply looks closely. */
const UNKNOWN: Prepared = { config: "", keys: [], fenced: true, priority: "" };

/** What a node has written down of its redis-server, whether it runs or not. */
export const redisRecord = (folder: NodeFolder): ServerRecord | undefined =>
  readRecord<ServerRecord>(path.join(folder.run, "redis.json"));

/** redis-server ends after shutdown-timeout (10 s in the template) at the latest, plus writing its last data. */
const STOP_PATIENCE_MS = 20_000;
/** Time until a server that was just started answers anything, LOADING included. */
const START_TIMEOUT_MS = 10_000;

/** The server ended while it started: with this configuration, or with this data, it does not run. */
export class EndedAtOnce extends Error {
  override name = "EndedAtOnce";
}

export const configHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);
export const configKeys = (text: string): string[] => [
  ...new Set([...text.matchAll(/^([a-z][a-z0-9-]*)\s/gm)].map((match) => match[1] as string)),
];

/** What is added to the server's command line, and not left in any file that it reads. */
export const startArguments = ({ fenced, priority }: Prepared): string[] => [
  ...(fenced ? fenceArguments : []),
  ...(priority === undefined ? [] : [`--${PRIORITY}`, priority]),
];

/** One redis-server or redis-sentinel of this node: finds the one that runs, starts it, stops it. */
export class Server {
  readonly endpoint: Endpoint;
  private readonly recordFile: string;
  private readonly configFile: string;
  private readonly stateFile: string;
  private readonly logFile: string;

  constructor(
    readonly name: ServerName,
    readonly spec: NodeSpec,
    protected readonly folder: NodeFolder,
    private readonly log: (message: string) => void,
  ) {
    const redis = name === "redis";
    this.endpoint = endpointOf(name, spec.node);
    this.recordFile = path.join(folder.run, `${name}.json`);
    this.configFile = redis ? folder.redisConf : folder.sentinelConf;
    this.logFile = path.join(folder.logs, `${name}.log`);
    this.stateFile = redis ? folder.runtimeConf : folder.sentinelState;
  }

  /** The server if it runs, whoever's child it is. A record alone is enough, also when the spec is lost. */
  running(): ServerRecord | undefined {
    const record = readRecord<ServerRecord>(this.recordFile);
    return record && isAlive(record) ? record : undefined;
  }

  /**
   * The server if it runs. One that answers on our port from our files, but of which a killed agent left no record,
   * is written down again.
   */
  async find(): Promise<ServerRecord | undefined> {
    const record = this.running();
    if (record) return record;
    const info = await this.info();
    if (!info || info["config_file"] !== this.stateFile) return undefined;
    const found = recordOf(Number(info["process_id"]));
    if (!found) return undefined;
    return this.remember({ ...found, ...this.lastPrepared() });
  }

  protected lastPrepared(): Prepared {
    return UNKNOWN;
  }

  /**
   * The prestart step: decides the role, and what the server is started with.
   * @throws when it must not start now, or its port is taken; the message says what to do
   */
  async prepare(): Promise<Prepared> {
    // Whoever answers at an address that is not ours has nothing to do with us, and nobody need answer there.
    if (!(await hasAddress(this.endpoint.address)) || (await isListening(this.endpoint)))
      throw new Error(await this.cannotListen());
    await writeServerSecrets(this.name, this.spec, this.folder);
    const fenced = await this.prestart();
    const text = readIfThere(this.configFile);
    if (text === undefined) throw new Error(`${this.configFile} is missing; apply again`);
    const priority = this.name === "redis" ? startPriority(this.spec, this.folder) : undefined;
    const keys = configKeys(text);
    return { config: configHash(text), keys, fenced, ...(priority === undefined ? {} : { priority }) };
  }

  /**
   * Starts the server after its prestart step.
   * @param onExit called when it ends, at once, while this process lives
   * @throws when it must not start now, its port is taken, or it does not answer; the message says what to do
   */
  async start(onExit: () => void): Promise<ServerRecord> {
    const prepared = await this.prepare();
    const child = this.spawn(startArguments(prepared));
    child.once("exit", onExit);
    const started = recordOf(child.pid ?? 0);
    if (!started) throw new EndedAtOnce(this.endedAtOnce());
    const record = this.remember({ ...started, ...prepared });
    await waitFor(
      `${this.title()} answers`,
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new EndedAtOnce(this.endedAtOnce());
        return (await this.info()) ? true : undefined;
      },
      START_TIMEOUT_MS,
    );
    this.log(`${this.name}: started (pid ${record.pid})`);
    return record;
  }

  /** Stops the server if it runs: first politely, so that it saves its data and its replicas catch up. */
  async stop(): Promise<void> {
    const record = await this.find();
    if (record) {
      await endProcess(record, STOP_PATIENCE_MS);
      this.log(`${this.name}: stopped (pid ${record.pid})`);
    }
    fs.rmSync(this.recordFile, { force: true });
  }

  /**
   * Ends what a server that has died left behind: a child that writes a snapshot holds all its connections open, so that
   * clients, replicas and Sentinels would go on waiting for an answer.
   */
  endLeftovers(): void {
    const record = readRecord<ServerRecord>(this.recordFile);
    if (!record || isAlive(record)) return;
    try {
      // Each server is the first of a process group of its own.
      process.kill(-record.pid, "SIGKILL");
    } catch {
      // Nobody is left.
    }
  }

  /** Writes down that a quorum confirmed the master, or that its role was settled otherwise. */
  unfenced(record: ServerRecord): void {
    this.remember({ ...record, fenced: false });
  }

  /** Writes down that its replica-priority is the one of redis.conf again. */
  caughtUp(record: ServerRecord): void {
    this.remember({ ...record, priority: undefined });
  }

  /** INFO of whoever answers on the port; undefined when nobody does. A server that is loading answers too. */
  async info(): Promise<Record<string, string> | undefined> {
    try {
      return await withConnection(this.endpoint, async (redis) => parseInfo(await redis.info("server")));
    } catch {
      return undefined;
    }
  }

  private remember(record: ServerRecord): ServerRecord {
    writeAtomically(this.recordFile, JSON.stringify(record));
    return record;
  }

  /** @returns whether redis-server starts fenced */
  private async prestart(): Promise<boolean> {
    if (this.name === "sentinel") {
      const done = await prestartSentinel(this.spec, this.folder);
      if (done) this.log(`sentinel: prestart: ${done}`);
      return false;
    }
    const decision = await prestartRedis(this.spec, this.folder);
    const role =
      decision.role === "replica"
        ? `replica of ${decision.of.address}:${decision.of.port}`
        : decision.role === "master" && decision.fenced
          ? "master, fenced"
          : decision.role;
    this.log(`redis: prestart: ${role}: ${decision.because}`);
    if (decision.role === "replica") await this.dropDamagedData(decision.of);
    if (decision.role === "wait") throw new Error(`${this.title()} does not start: ${decision.because}`);
    return decision.role === "master" && decision.fenced;
  }

  /**
   * A replica gets everything from its master anyway: one whose files are damaged keeps a copy of them and starts empty.
   * @throws when its master does not answer as such: an empty node could be promoted, and then nobody had the data
   */
  private async dropDamagedData(master: Endpoint): Promise<void> {
    const files = path.join(this.folder.redisData, "appendonlydir");
    if (!fs.existsSync(files) || !cannotReadData(lastLines(this.logFile, 3))) return;
    const lives = await withConnection(master, async (redis) => redisStateOf(parseInfo(await redis.info()))).then(
      ({ role, loading }) => role === "master" && !loading,
      () => false,
    );
    if (!lives) {
      throw new Error(
        `${this.title()} does not start: its data cannot be read (see ${this.logFile}), and ${master.address}:${master.port}, ` +
          `which would send a copy, does not answer as master`,
      );
    }
    const kept = setAside(this.folder.redisData);
    fs.rmSync(files, { recursive: true });
    this.log(`redis: its data cannot be read; it is kept in ${kept}, and the master sends a copy`);
  }

  private spawn(further: readonly string[]): ChildProcess {
    const redis = this.name === "redis";
    const log = this.logFile;
    // What a server prints before it has read its log file's name would be lost without this.
    const output = fs.openSync(log, "a", 0o600);
    // What it writes has passwords in it: CONFIG REWRITE writes down as whom it speaks to its master.
    const umask = process.umask(0o077);
    try {
      const args = [
        this.stateFile,
        ...(redis ? [] : ["--sentinel"]),
        "--include",
        this.configFile,
        "--include",
        secretsConf(this.folder, this.name),
        "--dir",
        redis ? this.folder.redisData : this.folder.sentinelData,
        "--logfile",
        log,
        ...further,
      ];
      const child = spawn(`${this.spec.engine}-server`, args, {
        cwd: "/",
        detached: true,
        stdio: ["ignore", output, output],
        env: { PATH: process.env["PATH"], LANG: "C" },
      });
      child.on("error", (error) => this.log(`${this.name}: ${error.message}`));
      child.unref();
      return child;
    } finally {
      process.umask(umask);
      fs.closeSync(output);
    }
  }

  protected title(): string {
    const program = this.name === "redis" ? `${this.spec.engine}-server` : `${this.spec.engine}-sentinel`;
    return `${program} of ${this.spec.node.name}`;
  }

  /** Who has our port, or that the address is not ours, and the ways out. */
  async cannotListen(): Promise<string> {
    const { address, port } = this.endpoint;
    if (!(await hasAddress(address))) {
      return (
        `${this.title()} cannot start: ${address} is not an address of its host now. If the host has another one for good, ` +
        `write that into environments/${this.spec.environment}.ts and apply`
      );
    }
    const field = this.name === "redis" ? "port" : "sentinelPort";
    return (
      `port ${port}, meant for ${this.title()}, is taken by ${listenerOf(port)}. ` +
      `Stop it (npm stop, if it is the cluster of another checkout), or change ${field} of ${this.spec.node.name} ` +
      `in environments/${this.spec.environment}.ts and apply again`
    );
  }

  protected endedAtOnce(): string {
    const log = this.logFile;
    return `${this.title()} ended right after its start; the last lines of ${log}:\n${lastLines(log, 8)}`;
  }
}
