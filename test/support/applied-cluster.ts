import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { isAlive, processStart, readRecord, waitFor } from "../../agent/processes.ts";
import { askSentinels, sentinelEndpoint, type SentinelAnswer } from "../../cluster/answers.ts";
import type { Endpoint } from "../../cluster/connection.ts";
import { withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { type Checkout, createCheckout, type Ran } from "./checkout.ts";
import { Cluster } from "./cluster.ts";
import type { Load, SteadyWriter } from "./steady-writer.ts";

type ProcessName = "redis" | "sentinel" | "agent";

/** A checkout whose one environment is applied and whole, with what a test of faults does to it. */
export class AppliedCluster {
  private constructor(
    readonly checkout: Checkout,
    readonly environment: string,
    public cluster: Cluster,
  ) {}

  /**
   * @param by `apply`: each node by its provisioner's step alone; `terraform`: as `npm start` does it
   * @param before what is done with the synthesized checkout before the first apply
   */
  static async start(
    environment: EnvironmentInput,
    by: "apply" | "terraform" = "apply",
    before: (checkout: Checkout) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<AppliedCluster> {
    const checkout = await createCheckout(environment);
    const applied = new AppliedCluster(checkout, environment.name, new Cluster(environment, () => checkout));
    try {
      const { code, all } = await (by === "apply" ? checkout.synth() : checkout.start(environment.name));
      if (code !== 0) throw new Error(all);
      await before(checkout);
      if (by === "apply") for (const node of applied.cluster.names) await applied.apply(node);
      applied.cluster.speak();
      await applied.verified();
    } catch (error) {
      await checkout.remove();
      throw error;
    }
    return applied;
  }

  remove(): Promise<void> {
    return this.checkout.remove();
  }

  folder(node: string) {
    return this.checkout.folder(this.environment, node);
  }

  endpoint(node: string): Endpoint {
    return this.cluster.endpoint(node);
  }

  pid(node: string, name: ProcessName): number {
    const pid = this.checkout.pid(this.environment, node, name);
    if (pid === undefined) throw new Error(`${node} has no ${name}`);
    return pid;
  }

  /** In this order; the agent first where nothing is to be mended behind the test's back. */
  signal(signal: NodeJS.Signals, node: string, ...names: ProcessName[]): void {
    for (const name of names) process.kill(this.pid(node, name), signal);
  }

  kill(node: string, ...names: ProcessName[]): void {
    this.signal("SIGKILL", node, ...names);
  }

  /** Starts a node's agent as a reboot would, and nothing else. */
  startAgent(node: string): void {
    this.checkout.startAgent(this.environment, node);
  }

  /** Kills servers that their agent starts again at once, and waits until these processes are gone. */
  async crash(node: string, ...names: ProcessName[]): Promise<void> {
    const pids = names.map((name) => this.pid(node, name));
    this.kill(node, ...names);
    await waitFor("they are gone", () => pids.every((pid) => processStart(pid) === undefined) || undefined, 5000, 2);
  }

  async untilGone(node: string, name: ProcessName): Promise<void> {
    const file = path.join(this.folder(node).run, `${name}.json`);
    await waitFor(`${name} of ${node} has ended`, () => !isAlive(readRecord(file) ?? { pid: 0, started: "" }), 5000);
  }

  /** @throws when the apply fails */
  async apply(node: string): Promise<string> {
    const { code, all } = await this.checkout.host("apply", this.environment, node);
    if (code !== 0) throw new Error(all);
    return all.trim();
  }

  spec(node: string): NodeSpec {
    const file = path.join(this.checkout.root, "cdktf.out", "specs", this.environment, `${node}.json`);
    return JSON.parse(fs.readFileSync(file, "utf8")) as NodeSpec;
  }

  /** Applies a spec of the test's own, as no synth would write it. */
  applySpec(spec: NodeSpec, env: Record<string, string> = {}): Promise<Ran> {
    const program = path.join(this.checkout.root, "cdktf.out", "redis-ha.cjs");
    return this.checkout.run(process.execPath, [program, "host", "apply"], {
      env: { REDIS_HA_SPEC: JSON.stringify(spec), ...env },
    });
  }

  redisHa(...args: string[]): Promise<Ran> {
    return this.checkout.redisHa(...args, "--env", this.environment);
  }

  async verified(seconds = 60): Promise<void> {
    const { code, all } = await this.redisHa("verify", "--wait", String(seconds));
    expect(code, all).toBe(0);
  }

  master(): Promise<string> {
    return this.cluster.whole();
  }

  async replicas(): Promise<[string, string]> {
    const master = await this.master();
    return this.cluster.names.filter((name) => name !== master) as [string, string];
  }

  sentinels(): Promise<SentinelAnswer[]> {
    return askSentinels(this.cluster.topology.nodes, this.cluster.topology.masterName);
  }

  /** Calls one Sentinel. */
  sentinel(node: string, command: string, ...args: (string | number)[]): Promise<unknown> {
    const found = this.cluster.topology.nodes.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: no such node`);
    return withConnection(sentinelEndpoint(found), (redis) => redis.call(command, ...args), 2000);
  }

  /** The configuration epochs that the Sentinels have, in the order of the nodes. */
  async epochs(): Promise<number[]> {
    return (await this.sentinels()).map(({ state }) => state?.configEpoch ?? -1);
  }

  agentLog(node: string): string {
    return fs.readFileSync(path.join(this.folder(node).logs, "agent.log"), "utf8");
  }

  async configValue(node: string, key: string): Promise<string | undefined> {
    return withConnection(this.endpoint(node), async (redis) => (await redis.config("GET", key))[1]);
  }

  /** See `Cluster.masterChanges`. */
  masterChanges(use: () => Promise<unknown>): Promise<string[]> {
    return this.cluster.masterChanges(use);
  }

  /** See `Cluster.underLoad`. */
  underLoad(use: (writer: SteadyWriter) => Promise<unknown>): Promise<Load> {
    return this.cluster.underLoad(use, () => this.cluster);
  }
}

/** The one thing that holds whatever happens: every acknowledged write is there, and the client saw no error. */
export function expectNothingLost({ lost, errors, acknowledged }: Load): void {
  expect(acknowledged).toBeGreaterThan(0);
  expect(lost, "acknowledged writes that are lost").toEqual([]);
  expect(errors, "errors that the client saw").toEqual([]);
}
