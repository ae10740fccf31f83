import { expect } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import { Chaos, expectNothingLost } from "../chaos.ts";
import type { AwsCluster } from "./aws-cluster.ts";
import { lifeLine } from "./life-line.ts";

const LOOK_MS = 250;

/** What an operator does with an environment on AWS, step by step, measured: each prints one line. */
export class AwsLife {
  private loaded: Chaos<AwsCluster> | undefined;

  /** @param life what is printed before each step @param apply all of it, by the driver @returns what was said */
  constructor(
    readonly cluster: AwsCluster,
    private readonly life: string,
    private readonly apply: () => Promise<string>,
  ) {}

  /** Once the cluster is there. */
  async begin(): Promise<void> {
    await this.cluster.learnSecrets();
    this.loaded = Chaos.on(this.cluster);
  }

  get chaos(): Chaos<AwsCluster> {
    if (!this.loaded) throw new Error("the cluster was not made");
    return this.loaded;
  }

  async end(): Promise<void> {
    await (this.loaded ?? this.cluster).down();
  }

  /** A step without a client. @returns what was said */
  async step(what: string, use: () => Promise<string> = this.apply): Promise<string> {
    const before = await this.pids();
    const began = performance.now();
    const said = await use();
    const seconds = secondsSince(began);
    this.tell(what, seconds, before, await this.pids());
    return said;
  }

  /**
   * A step under load that never has two nodes away at once, and loses nothing.
   * @returns the nodes that were restarted, and what was said
   */
  async underLoad(
    what: string,
    use: () => Promise<string> = this.apply,
  ): Promise<{ restarted: string[]; said: string }> {
    const before = await this.pids();
    let said = "";
    let seconds = 0;
    const away = this.watchAway();
    try {
      const outcome = await this.chaos.under(`${this.life}: ${what}`, async () => {
        const began = performance.now();
        said = await use();
        seconds = secondsSince(began);
      });
      expectNothingLost(outcome);
      const restarted = this.tell(what, seconds, before, await this.pids(), {
        longestGapMs: outcome.plain.longestGapMs,
        lost: outcome.plain.lost + outcome.wait.lost,
      });
      expect(await away.most(), "nodes that were away at once").toBeLessThanOrEqual(1);
      return { restarted, said };
    } finally {
      await away.most();
    }
  }

  /** What a replica said last of how it got what it had missed. */
  async lastSync(node: string): Promise<string> {
    const log = `/var/lib/redis-ha/${this.cluster.environment}/${node}/log/redis.log`;
    const said = await this.cluster.lab
      .host(node)
      .run(["grep", "-hE", "Full resync from master|Successful partial resynchronization", log]);
    return said.trim().split("\n").at(-1) ?? "";
  }

  /** By node: the process that matters there; nothing of a node whose machine is off. */
  async pids(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const host of this.cluster.lab.hosts) {
      if ((await host.state()) !== "running") continue;
      const { redis = "0", sentinel = "0" } = await this.cluster.pids(host.name);
      const boot = await host.run(["cat", "/proc/sys/kernel/random/boot_id", "/etc/machine-id"]);
      found.set(host.name, `${boot} ${redis} ${sentinel}`);
    }
    return found;
  }

  private tell(
    step: string,
    seconds: number,
    before: Map<string, string>,
    after: Map<string, string>,
    seen: { longestGapMs?: number; lost?: number } = {},
  ): string[] {
    const restarted = [...before]
      .filter(([name, pid]) => after.has(name) && after.get(name) !== pid)
      .map(([name]) => name);
    console.log(lifeLine({ life: this.life, step, seconds, restarted, ...seen }));
    return restarted;
  }

  /** Looks who answers, until asked for the most nodes that were away at once. */
  private watchAway(): { most(): Promise<number> } {
    let most = 0;
    let stopped = false;
    const watched = (async () => {
      while (!stopped) {
        const { nodes } = await this.chaos.view();
        const away = nodes.filter(({ node, redis, sentinel }) =>
          node.redisPort === undefined ? sentinel?.state === undefined : redis?.state === undefined,
        );
        most = Math.max(most, away.length);
        await delay(LOOK_MS);
      }
    })();
    return {
      most: async () => {
        stopped = true;
        await watched;
        return most;
      },
    };
  }
}

const secondsSince = (began: number): number => (performance.now() - began) / 1000;
