import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { Step } from "../../agent/handover/handover.ts";
import { waitFor } from "../../agent/processes.ts";
import type { AppliedCluster } from "./applied-cluster.ts";
import type { Ran } from "./checkout.ts";

/** Hand-overs in a cluster, faults in the middle of them, and what the Sentinels make of it. */
export class HandOvers {
  constructor(private readonly cluster: AppliedCluster) {}

  async failover(...args: string[]): Promise<{ from: string; to: string; grade: string }> {
    const { code, stdout, all } = await this.cluster.redisHa("failover", "--json", ...args);
    if (code !== 0) throw new Error(all);
    return JSON.parse(stdout) as { from: string; to: string; grade: string };
  }

  /** Hands over, and sends a signal after a step: see faulty-failover.ts. */
  faultAfter(step: Step, ...fault: (string | number)[]): Promise<Ran> {
    const script = path.join(this.cluster.checkout.root, "test", "support", "faulty-failover.ts");
    return this.cluster.checkout.run(process.execPath, [
      "--import",
      "tsx",
      script,
      "local",
      step,
      ...fault.map(String),
    ]);
  }

  /** Hands over and is killed after a step. */
  async killedAfter(step: Step): Promise<void> {
    const { code, all } = await this.faultAfter(step, "SIGKILL");
    // -1: it had no exit code, so a signal ended it.
    expect(code, all).toBe(-1);
  }

  /** How many interrupted hand-overs the agents have ended. */
  ended(): number {
    return this.cluster.cluster.names.reduce(
      (sum, node) => sum + [...this.cluster.agentLog(node).matchAll(/the interrupted hand-over/g)].length,
      0,
    );
  }

  journals(): string[] {
    return this.cluster.cluster.names.filter((node) =>
      fs.existsSync(path.join(this.cluster.folder(node).root, "handover.json")),
    );
  }

  untilNoJournal(timeoutMs = 10_000): Promise<true> {
    return waitFor(
      "the interrupted hand-over has ended",
      () => this.journals().length === 0 || undefined,
      timeoutMs,
      50,
    );
  }

  async expectEqualEpochs(): Promise<void> {
    const epochs = await this.cluster.epochs();
    expect(new Set(epochs).size, `epochs ${epochs.join(", ")}`).toBe(1);
    expect(epochs[0]).toBeGreaterThan(0);
  }

  /** Whom the Sentinels name, without those that do not answer. */
  async named(without?: string): Promise<string[]> {
    const answers = (await this.cluster.sentinels()).filter(({ node, state }) => state && node.name !== without);
    return answers.map(({ state }) => this.nodeAt(state?.master.port));
  }

  private nodeAt(port: number | undefined): string {
    return this.cluster.cluster.topology.nodes.find(({ redisPort }) => redisPort === port)?.name ?? "";
  }

  /** Watches that no Sentinel but `late`, which has time to learn, ever names another master than now. */
  async naming(use: (watch: (ms: number) => Promise<void>) => Promise<void>, late: string): Promise<void> {
    const [master, ...same] = await this.named(late);
    expect(same).toEqual([master]);
    await use(async (ms) => {
      for (const end = Date.now() + ms; Date.now() < end; await delay(100)) {
        expect(await this.named(late)).toEqual([master, master]);
      }
      expect(await this.named()).toEqual([master, master, master]);
    });
  }

  /** By Sentinel, so that its epoch is counted up. */
  async sentinelFailover(): Promise<void> {
    const former = await this.cluster.master();
    this.cluster.kill(former, "agent", "redis");
    await this.cluster.cluster.masterOtherThan(former);
    await this.cluster.apply(former);
    await this.cluster.verified();
  }
}
