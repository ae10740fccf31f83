import path from "node:path";
import { redisEndpoint, redisStateOf, sameEndpoint } from "../cluster/answers.ts";
import { Unreachable, parseInfo } from "../cluster/connection.ts";
import { groupOf, Links } from "../cluster/links.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { aofFiles, AofPositions } from "./crash/append-only-file.ts";
import type { MasterSample } from "./crash/decide.ts";
import { IsolationRule } from "./isolation.ts";
import { type NodeFolder, readIfThere } from "./node-folder.ts";
import { readRecord } from "./processes.ts";
import { Recency } from "./recency.ts";
import { persistedRole } from "./role.ts";
import { downAfterOf, Standstill } from "./standstill.ts";

/**
 * How often a master is asked, by what is written: after a crash, what was written since the last sample is read and compared
 * while the clients wait. Below the least rate there is nothing but what servers and Sentinels tell each other.
 */
const SAMPLE_MS = { busy: 100, normal: 250, idle: 500 };
const BYTES_PER_MS = { busy: 500, idle: 1 };
/** Until the place in the append-only file is certain: a busy server has to be met between two of its writes. */
const CALIBRATE_MS = 50;
/** Whether the others answer is looked at half as often. */
const RULE_MS = 450;
/** Samples of a replica tell nothing that is needed soon. */
const REPLICA_SAMPLE_MS = 1000;

/**
 * What the resident agent knows of its redis-server from moment to moment, over connections that stay open: when it
 * last answered, and, while it is master, how far it and its append-only file had come, and whether it is cut off.
 */
export class Observer {
  /** The last sample of the server as master; undefined when it was none, or never answered. */
  sample: MasterSample | undefined;
  /** Since when it has not answered, by performance.now(); undefined while it does. */
  silentSince: number | undefined;
  /** The process that was master when it last answered; undefined when it was a replica. */
  masterPid: number | undefined;
  readonly recency: Recency;
  private readonly isolation: IsolationRule;
  private readonly standstill: Standstill;
  private readonly positions = new AofPositions();
  /** Of the replication stream, between the last two samples. */
  private bytesPerMs = 0;
  private runId = "";
  private keptAt = 0;
  private answeredAt = performance.now();
  /** A machine that was suspended moves only its clock. */
  private lookedAt = { monotonic: performance.now(), clock: Date.now() };
  private keeping = false;

  private constructor(
    readonly spec: NodeSpec,
    private readonly folder: NodeFolder,
    readonly links: Links,
    log: (line: string) => void,
    onUnkillable: () => Promise<void>,
  ) {
    this.recency = new Recency(folder);
    this.isolation = new IsolationRule(spec, folder, links, log);
    this.standstill = new Standstill(spec, log, { fenced: () => this.isolation.fenced(), unkillable: onUnkillable });
    // Should it stand still already, this is all that there is to know.
    if (persistedRole(readIfThere(folder.runtimeConf)).kind === "master") {
      this.masterPid = readRecord(path.join(folder.run, "redis.json"))?.pid;
    }
  }

  /**
   * @param told.lost at once when the connection to the own server is closed
   * @param told.unkillable when a script that cannot be killed keeps the master busy
   */
  static async open(
    spec: NodeSpec,
    folder: NodeFolder,
    log: (line: string) => void,
    told: { readonly lost: () => void; readonly unkillable: () => Promise<void> },
  ): Promise<Observer> {
    const links = await Links.open(groupOf(spec), {
      onLost: (node) => {
        if (node.name === spec.node.name) told.lost();
      },
    });
    return new Observer(spec, folder, links, log, told.unkillable);
  }

  close(): void {
    this.standstill.close();
    this.links.close();
  }

  /** How long until the server is to be asked again, in milliseconds. */
  get restMs(): number {
    if (!this.sample && this.recency.inStep !== undefined) return REPLICA_SAMPLE_MS;
    if (!this.sample) return SAMPLE_MS.normal;
    if (!this.sample.aof) return CALIBRATE_MS;
    if (this.bytesPerMs > BYTES_PER_MS.busy) return SAMPLE_MS.busy;
    if (this.bytesPerMs > BYTES_PER_MS.idle) return SAMPLE_MS.normal;
    // One that hangs has to be noticed well before the Sentinels take it for down.
    return Math.max(SAMPLE_MS.normal, Math.min(SAMPLE_MS.idle, downAfterOf(this.spec) / 4));
  }

  /** Asks the server. Never throws. */
  async observe(): Promise<void> {
    // This process stood still itself, as when the whole machine does: the server goes on now, and nobody watched it.
    const wokeUp = Math.max(performance.now() - this.lookedAt.monotonic, Date.now() - this.lookedAt.clock);
    const asleep = wokeUp > Math.max(this.standstill.patienceMs, 2 * REPLICA_SAMPLE_MS);
    if (this.masterPid !== undefined && asleep) void this.standstill.fence();
    try {
      await this.look();
      this.silentSince = undefined;
      this.answeredAt = performance.now();
      this.standstill.answered();
    } catch (error) {
      // An error reply, such as LOADING, is an answer. BUSY is none: whoever asks for something else waits.
      const busy = (error as Error).message.startsWith("BUSY");
      if (busy || error instanceof Unreachable) this.silentSince ??= this.answeredAt;
      else this.silentSince = undefined;
      if (this.silentSince !== undefined && this.masterPid !== undefined) {
        this.standstill.seen(performance.now() - this.silentSince, busy);
      }
    }
    this.lookedAt = { monotonic: performance.now(), clock: Date.now() };
    if (this.sample) this.keepRule();
  }

  /** Beside the samples and not between them: silence of others takes its time. */
  private keepRule(): void {
    if (this.keeping || performance.now() - this.keptAt < RULE_MS) return;
    this.keeping = true;
    this.keptAt = performance.now();
    void this.isolation
      .keep()
      // The server just ended, or is loading: the next look tries again.
      .catch(() => undefined)
      .finally(() => (this.keeping = false));
  }

  private async look(): Promise<void> {
    const asked = Date.now();
    const before = aofFiles(this.folder.redisData);
    const text = await this.links.server(this.spec.node.name, (redis) =>
      redis.call("INFO", "server", "replication", "persistence"),
    );
    const at = performance.now();
    const after = aofFiles(this.folder.redisData);
    const info = parseInfo(text as string);
    const state = redisStateOf(info);
    if (state.runId !== this.runId) {
      this.runId = state.runId;
      this.positions.forget();
      this.isolation.restarted();
    }
    if (state.loading || state.role !== "master") this.sample = undefined;
    if (state.loading) return;
    this.masterPid = state.role === "master" ? state.pid : undefined;
    if (state.role !== "master") await this.isolation.demoted();
    this.recency.seen(state, info, !this.isolation.fencedNow, asked);
    const size = Number(info["aof_current_size"]);
    const offset = before && after && this.positions.observe(before, after, size);
    if (state.role !== "master") return;
    this.bytesPerMs = this.sample ? (state.offset - this.sample.offset) / (at - this.sample.at) : 0;
    this.sample = {
      at,
      runId: state.runId,
      replicationId: state.replicationId,
      offset: state.offset,
      unwrittenBytes: Number(info["aof_buffer_length"]),
      online: state.replicas.filter((replica) => replica.state === "online"),
      ...(after && offset !== undefined
        ? {
            aof: {
              file: after.file,
              manifest: after.manifest,
              // What was executed but not written yet counts in the offset, so it counts here.
              position: size + Number(info["aof_buffer_length"]) - offset,
            },
          }
        : {}),
    };
  }

  /** The node that a majority of Sentinels names instead of this one, if they do. */
  async replacedBy(): Promise<TopologyNode | undefined> {
    const answers = await this.links.askSentinels();
    const named = this.links.named(answers);
    const replaced = named && !sameEndpoint(redisEndpoint(named), redisEndpoint(this.spec.node));
    return replaced ? named : undefined;
  }
}
