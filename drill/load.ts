import { randomBytes } from "node:crypto";
import { waitFor } from "../agent/processes.ts";
import type { ClientLogins } from "../secrets/logins.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { lostWrites, removeKeys } from "./check.ts";
import { type ClientKind, createClient } from "./clients.ts";
import type { Gap } from "./gap.ts";
import { Ledger, type Lost } from "./ledger.ts";
import { Reader } from "./reader.ts";
import { type ReaderResult, rounded, type WriterResult } from "./result.ts";
import type { Traffic } from "./traffic.ts";
import { type Rate, Writer, type WriterOptions } from "./writer.ts";

export interface LoadOptions {
  readonly clients: readonly ClientKind[];
  readonly rate: Rate;
  /** Besides each writer, another one that asks for WAIT 1. */
  readonly wait: boolean;
  readonly logins: ClientLogins;
}

const START_TIMEOUT_MS = 10_000;

/** Writers, and for each kind of client a reader of what its first writer has written. `stop` ends all of them. */
export class Load {
  private readonly writers: readonly Writer[];
  private readonly readers: readonly Reader[];
  private gaps: Promise<Map<Traffic, Gap>> | undefined;
  private faultAt = 0;

  /** Starts at once. Keys begin with `drill:`, a random number of this run, and the writer. */
  constructor(inventory: InventoryEnvironment, { clients, rate, wait, logins }: LoadOptions) {
    const run = `drill:${randomBytes(4).toString("hex")}`;
    const open = (options: WriterOptions): Writer => {
      const ledger = new Ledger(`${run}:${options.client}${options.wait ? "-wait" : ""}`);
      return new Writer(createClient(options.client, inventory, "master", logins), ledger, options);
    };
    const plain = clients.map((client) => open({ client, rate, wait: false }));
    const waiting = wait ? clients.map((client) => open({ client, rate, wait: true })) : [];
    this.writers = [...plain, ...waiting];
    const hasReplicas = inventory.nodes.filter(({ redisPort }) => redisPort !== undefined).length > 1;
    this.readers = (hasReplicas ? plain : []).map(
      ({ ledger, options: { client } }) =>
        new Reader(createClient(client, inventory, "slave", logins), ledger, { client }),
    );
    for (const traffic of this.all) traffic.start();
  }

  private get all(): Traffic[] {
    return [...this.writers, ...this.readers].map(({ traffic }) => traffic);
  }

  private get ledgers(): Ledger[] {
    return this.writers.map(({ ledger }) => ledger);
  }

  /** Waits until every client has succeeded after this point in time. @throws when one has not in time */
  async succeeded(since: number, timeoutMs: number = START_TIMEOUT_MS, signal?: AbortSignal): Promise<void> {
    const all = (): true | undefined => {
      signal?.throwIfAborted();
      return this.all.every(({ lastSuccess = -Infinity }) => lastSuccess > since) || undefined;
    };
    await waitFor("every client reads and writes", all, timeoutMs);
  }

  /** Something is broken from now on: gaps are counted, and times count from here. @returns now */
  fault(): number {
    this.faultAt = performance.now();
    for (const traffic of this.all) traffic.fault(this.faultAt);
    return this.faultAt;
  }

  /** Ends all clients; may be called again. */
  async stop(): Promise<void> {
    this.gaps ??= Promise.all(this.all.map(async (traffic) => [traffic, await traffic.stop()] as const)).then(
      (gaps) => new Map(gaps),
    );
    await this.gaps;
  }

  /**
   * Looks for what was acknowledged, after `stop`.
   * @param master undefined = there is none to ask
   */
  async results(master: TopologyNode | undefined): Promise<{ writers: WriterResult[]; readers: ReaderResult[] }> {
    await this.stop();
    const lost = master && (await lostWrites(master, this.ledgers));
    const gaps = (await this.gaps) ?? new Map<Traffic, Gap>();
    const client = ({ options, traffic }: Writer | Reader) => {
      const gap = gaps.get(traffic) as Gap;
      return {
        client: options.client,
        errors: traffic.errors,
        longestGapMs: rounded(gap.ms),
        gapBeganMs: rounded(gap.beganMs),
        recovered: !gap.open,
      };
    };
    return {
      writers: this.writers.map((writer, index) => ({
        ...client(writer),
        rate: writer.options.rate,
        wait: writer.options.wait,
        acknowledged: writer.ledger.acknowledged,
        ...this.lostOf(lost?.[index]),
        repeated: writer.repeated,
      })),
      readers: this.readers.map((reader) => ({ ...client(reader), reads: reader.reads, stale: reader.stale })),
    };
  }

  /** Removes what the writers have written, and nothing else. @throws Unreachable when the master does not answer */
  removeKeys(master: TopologyNode): Promise<void> {
    return removeKeys(master, this.ledgers);
  }

  private lostOf(lost: Lost | undefined): Pick<WriterResult, "lost" | "lostFirstMs" | "lostLastMs"> {
    const fromFault = (at: number | undefined): number | null => (at === undefined ? null : rounded(at - this.faultAt));
    return {
      lost: lost?.count ?? null,
      lostFirstMs: fromFault(lost?.firstAt),
      lostLastMs: fromFault(lost?.lastAt),
    };
  }
}
