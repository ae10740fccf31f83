import { setTimeout as delay } from "node:timers/promises";
import { FENCE, redisEndpoint } from "../cluster/answers.ts";
import { KeptConnection } from "../cluster/connection.ts";
import { parseSentinelFile } from "../topology/config-file.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { setMinReplicas } from "./min-replicas.ts";

/** Sentinel's own value, for a spec without one. */
const DOWN_AFTER_MS = 2000;
/** So long before the Sentinels can take the master for down, a script that keeps it busy is ended. */
const KILL_BEFORE_MS = 600;
/** The same for the fence: from then on another node may be made master while this one stands still. */
const FENCE_BEFORE_MS = 300;
/** Between two attempts of a server that answers, but only that it is busy: it reads nothing in advance. */
const AGAIN_MS = 1;
/** A command waits in the socket for as long as the server stands still. */
const PATIENCE_MS = 600_000;

/** After how long without an answer the Sentinels take the master for down, in milliseconds. */
export function downAfterOf({ files, masterName }: NodeSpec): number {
  const master = parseSentinelFile(files["sentinel.conf"] ?? "").masters.get(masterName);
  return Number(master?.get("down-after-milliseconds") ?? DOWN_AFTER_MS);
}

/**
 * A master that does not answer and comes back by itself: after a stop of its process, of its machine, or after a slow
 * command. By then another node may be master, which it does not know, and the writes that it would take are lost.
 * So the fence already lies in a socket that was open before, and is among the first things that the server reads.
 */
export class Standstill {
  private readonly connection: KeptConnection;
  private readonly downAfterMs: number;
  private fencing = false;
  private readonly timers = new Map<"kill" | "fence", NodeJS.Timeout>();

  /**
   * @param told.fenced when the server answers again, and takes no writes
   * @param told.unkillable when a script that has written keeps it busy: only the server's end ends it; asked again when it is done
   */
  constructor(
    spec: NodeSpec,
    private readonly log: (line: string) => void,
    private readonly told: { readonly fenced: () => void; readonly unkillable: () => Promise<void> },
  ) {
    this.connection = new KeptConnection(redisEndpoint(spec.node), PATIENCE_MS);
    this.downAfterMs = downAfterOf(spec);
  }

  close(): void {
    this.answered();
    this.connection.close();
  }

  /**
   * To be called again and again while the master does not answer.
   * @param silentMs for how long, in milliseconds
   * @param busy a script keeps it from answering anything else
   */
  seen(silentMs: number, busy: boolean): void {
    const killAfterMs = this.downAfterMs - KILL_BEFORE_MS;
    if (busy) {
      this.at("kill", killAfterMs - silentMs, () =>
        // Another script may follow it at once.
        this.endScript(Math.max(silentMs, killAfterMs))
          .catch(({ message }: Error) => this.log(message))
          .finally(() => this.timers.delete("kill")),
      );
    }
    this.at("fence", this.patienceMs - silentMs, () => this.fence());
  }

  /** Once, and not when a question's time is out, which may be too late. */
  private at(what: "kill" | "fence", inMs: number, work: () => Promise<void>): void {
    if (!this.timers.has(what))
      this.timers.set(
        what,
        setTimeout(() => void work(), Math.max(0, inMs)),
      );
  }

  /** The master answers. */
  answered(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  /** After so long without an answer another node may become master, in milliseconds. */
  get patienceMs(): number {
    return this.downAfterMs - FENCE_BEFORE_MS;
  }

  /** Sentinel would do it too, but only when it has begun to replace the master. */
  private async endScript(silentMs: number): Promise<void> {
    const kill = (what: string): Promise<string> =>
      this.connection
        .ask((redis) => redis.call(what, "KILL"))
        .then(
          () => "killed",
          ({ message }: Error) => message,
        );
    const killed = await Promise.all([kill("SCRIPT"), kill("FUNCTION")]);
    if (killed.some((answer) => answer.startsWith("UNKILLABLE"))) return this.told.unkillable();
    if (!killed.includes("killed")) return;
    this.log(`redis: a script kept it busy for ${Math.round(silentMs)} ms: killed, or the Sentinels would replace it`);
  }

  /** Has the server take no writes, as soon as it does anything. Ends with its process. */
  async fence(): Promise<void> {
    if (this.fencing) return;
    this.fencing = true;
    try {
      const { generation } = this.connection;
      // Whoever ends and starts again starts fenced.
      while (this.connection.connected && this.connection.generation === generation) {
        const error = await this.connection
          .ask((redis) => setMinReplicas(redis, FENCE))
          .then(
            () => undefined,
            ({ message }: Error) => message,
          );
        if (error === undefined) {
          this.log(`redis: stood still: takes no writes until the Sentinels confirm that it is master`);
          this.told.fenced();
          return;
        }
        if (!/^(BUSY|LOADING)/.test(error)) return;
        await delay(AGAIN_MS);
      }
    } finally {
      this.fencing = false;
    }
  }
}
