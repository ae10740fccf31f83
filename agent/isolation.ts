import fs from "node:fs";
import path from "node:path";
import { FENCE } from "../cluster/answers.ts";
import { agreement, type Links } from "../cluster/links.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { confirmMaster } from "./fence.ts";
import { appliedMinReplicas, MIN_REPLICAS, runningMinReplicas, setMinReplicas } from "./min-replicas.ts";
import type { NodeFolder } from "./node-folder.ts";
import { readRecord } from "./processes.ts";
import type { ServerRecord } from "./server.ts";

/** A master is on its own when this many looks in a row found nobody, over at least this time. */
const LOOKS = 2;
const AFTER_MS = 700;

/**
 * `joined`: the master reaches a majority of the Sentinels. `unwatched`: not that, but another data node.
 * `isolated`: neither, as on the small side of a partition.
 */
export type Isolation = "joined" | "unwatched" | "isolated";

/** What min-replicas-to-write must be for it. Pure. @param applied the value of redis.conf */
export function minReplicasFor(isolation: Isolation, applied: number): string {
  if (isolation === "isolated") return FENCE;
  return String(isolation === "unwatched" ? Math.max(1, applied) : applied);
}

/**
 * Keeps a master that others may be replacing from taking writes that would be lost.
 *
 * Redis itself stops when no replica acknowledges, but counts in whole seconds: up to max-lag + 2 s. And with two data
 * nodes it must not wait for the only replica, whose restart would stop all writes. So the agent looks: a master that
 * reaches neither a majority of Sentinels nor another data node takes no writes; one that reaches only the data node
 * takes what that one has too.
 */
export class IsolationRule {
  /** Unknown at first: an agent that was killed may have left its value behind. */
  private isolation: Isolation | undefined;
  private readonly seen = { majority: performance.now(), peer: performance.now() };
  private misses = { majority: 0, peer: 0 };
  /** Since when a majority has answered without a miss. */
  private majoritySince = performance.now();

  constructor(
    private readonly spec: NodeSpec,
    private readonly folder: NodeFolder,
    private readonly links: Links,
    private readonly log: (line: string) => void,
  ) {}

  /** Looks, and sets what has to be set. To be called while the node is master. */
  async keep(): Promise<void> {
    // A server that was started fenced is let go when the Sentinels have heard it, and not before.
    if (this.startedFenced) return;
    const [sentinels, peers] = await Promise.all([
      this.answering(this.links.sentinels),
      this.answering(this.links.servers.filter(({ node }) => node.name !== this.spec.node.name)),
    ]);
    this.note("majority", sentinels >= agreement(this.links.group));
    this.note("peer", peers > 0);
    const now = this.judge();
    if (now === undefined || now === this.isolation) return;
    // A node that it reaches may be as cut off as itself.
    if (this.isolation === "isolated" && now === "unwatched") return;
    // Nobody to miss yet: the others are still to be applied.
    if (this.isolation === undefined && now !== "joined" && !fs.existsSync(this.folder.complete)) return;
    const { name } = this.spec.node;
    const applied = Number(appliedMinReplicas(this.spec));
    const value = minReplicasFor(now, applied);
    if (this.isolation === undefined && now === "joined") {
      if ((await this.links.server(name, runningMinReplicas)) === value) this.isolation = now;
      if (this.isolation === now) return;
    }
    // Back among the others it may be master no more: they say whether it takes writes again.
    const joinedMs = performance.now() - this.majoritySince;
    if (now === "joined" && !(await confirmMaster(this.spec, this.folder, this.log, joinedMs))) return;
    if (now !== "joined") await this.links.server(name, (redis) => setMinReplicas(redis, value));
    this.log(
      `redis: ${sentinels} of ${this.links.sentinels.length} Sentinels and ${peers} other data nodes answer: ` +
        `${now}, ${MIN_REPLICAS} ${value}`,
    );
    this.isolation = now;
  }

  /** A master takes no writes, as far as it is known. */
  get fencedNow(): boolean {
    return this.isolation === "isolated" || this.startedFenced;
  }

  private get startedFenced(): boolean {
    return readRecord<ServerRecord>(path.join(this.folder.run, "redis.json"))?.fenced === true;
  }

  /**
   * Another process of the server answers for the first time. Nobody can have heard it before, however long the others have
   * been answering: after a power cut they look for their master seconds before it is back, and may have begun to replace it.
   */
  restarted(): void {
    this.majoritySince = performance.now();
  }

  /** The server stood still, and takes no writes. From now on it can be heard again. */
  fenced(): void {
    this.isolation = "isolated";
    this.majoritySince = performance.now();
  }

  /** The node is a replica now: what was set on the master is taken back, or it would refuse writes when it is master again. */
  async demoted(): Promise<void> {
    if (this.isolation === "joined") return;
    const applied = appliedMinReplicas(this.spec);
    await this.links.server(this.spec.node.name, async (redis) => {
      if ((await runningMinReplicas(redis)) !== applied) await setMinReplicas(redis, applied);
    });
    this.isolation = "joined";
  }

  private note(what: "majority" | "peer", answers: boolean): void {
    if (what === "majority" && answers && this.misses.majority > 0) this.majoritySince = performance.now();
    this.misses[what] = answers ? 0 : this.misses[what] + 1;
    if (answers) this.seen[what] = performance.now();
  }

  private judge(): Isolation | undefined {
    const gone = (what: "majority" | "peer"): boolean =>
      this.misses[what] >= LOOKS && performance.now() - this.seen[what] > AFTER_MS;
    if (!gone("majority")) return this.misses.majority === 0 ? "joined" : this.isolation;
    return gone("peer") ? "isolated" : "unwatched";
  }

  private async answering(links: Links["sentinels"]): Promise<number> {
    const answers = await Promise.all(
      links.map(({ connection }) =>
        connection
          .ask((redis) => redis.ping())
          .then(
            () => true,
            // LOADING and the like are answers.
            (error: Error) => error.name === "ReplyError",
          ),
      ),
    );
    return answers.filter(Boolean).length;
  }
}
