import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { appliedSpec, readIfThere, writeAtomically } from "../../agent/node-folder.ts";
import { secretsConf } from "../../agent/server-secrets.ts";
import { processStart, waitFor } from "../../agent/processes.ts";
import { sentinelEndpoint } from "../../cluster/answers.ts";
import { pairs, withConnection } from "../../cluster/connection.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { hasItInFile } from "./append-only-file.ts";
import { type Checkout, createCheckout } from "./checkout.ts";
import { Cluster } from "./cluster.ts";

type ProcessName = "agent" | "redis" | "sentinel";
const everything: readonly ProcessName[] = ["agent", "redis", "sentinel"];

export interface Check {
  readonly id: string;
  readonly node: string | null;
  readonly holds: boolean;
  readonly message: string;
  readonly remedy: string | null;
}

/** A cluster on this computer whose processes and files a test wrecks, with keys that must survive it. */
export class Wreckage {
  private written = 0;

  private constructor(
    readonly checkout: Checkout,
    readonly cluster: Cluster,
    readonly environment: string,
  ) {}

  static async create(environment: EnvironmentInput): Promise<Wreckage> {
    const checkout = await createCheckout(environment);
    const wreckage = new Wreckage(checkout, new Cluster(environment, () => checkout), environment.name);
    const { code, all } = await wreckage.checkout.synth();
    if (code !== 0) throw new Error(all);
    for (const node of wreckage.cluster.names) {
      const applied = await wreckage.checkout.host("apply", environment.name, node);
      if (applied.code !== 0) throw new Error(applied.all);
    }
    await wreckage.cluster.whole();
    await wreckage.holds();
    return wreckage;
  }

  folder(node: string) {
    return this.checkout.folder(this.environment, node);
  }

  /** Kills processes of a node; its agent first, so that it does not mend what the test breaks. */
  async kill(node: string, ...names: ProcessName[]): Promise<void> {
    for (const name of everything.filter((each) => names.includes(each))) {
      const pid = this.checkout.pid(this.environment, node, name);
      if (pid === undefined || processStart(pid) === undefined) continue;
      process.kill(pid, "SIGKILL");
      await waitFor(`${name} of ${node} is gone`, () => (processStart(pid) === undefined ? true : undefined), 5000);
    }
  }

  /** All agents first: none of them may see a server die. */
  async killAll(): Promise<void> {
    for (const name of everything) await Promise.all(this.cluster.names.map((node) => this.kill(node, name)));
  }

  startAgent(node: string): void {
    this.checkout.startAgent(this.environment, node);
  }

  /** Starts a node's Sentinel on its state file as it is, without the prestart step, as another supervisor might. */
  startSentinelPlainly(node: string): void {
    const folder = this.folder(node);
    const files = ["--include", folder.sentinelConf, "--include", secretsConf(folder, "sentinel")];
    const args = [folder.sentinelState, "--sentinel", ...files, "--dir", folder.sentinelData];
    spawn("redis-server", [...args, "--logfile", path.join(folder.logs, "sentinel.log")], {
      cwd: "/",
      detached: true,
      stdio: "ignore",
    }).unref();
  }

  /** Kills the master's process and lets Sentinel replace it, then brings its node back. @returns the new master */
  async failOver(): Promise<string> {
    const former = await this.cluster.whole();
    await this.kill(former, "agent", "redis");
    await this.cluster.masterOtherThan(former);
    this.startAgent(former);
    const master = await this.cluster.whole();
    expect(master).not.toBe(former);
    return master;
  }

  async replica(): Promise<string> {
    const master = await this.cluster.whole();
    return this.cluster.names.find((name) => name !== master) as string;
  }

  /** Writes a key that every data node, or as many replicas as said, have before this returns. */
  async write(replicas = this.cluster.names.length - 1): Promise<void> {
    const master = await this.cluster.master();
    await withConnection(
      this.cluster.endpoint(master),
      async (redis) => {
        await redis.set(`kept:${this.written++}`, "yes");
        expect(await redis.wait(replicas, 3000)).toBe(replicas);
      },
      5000,
    );
  }

  /** What these nodes have confirmed is in their files: with everysec redis may write it up to two seconds later. */
  async inFiles(...nodes: string[]): Promise<void> {
    for (const node of nodes) {
      const written = (): Promise<boolean> => hasItInFile(this.cluster.endpoint(node)).catch(() => false);
      await waitFor(`the file of ${node} has what it confirmed`, written, 15_000);
    }
  }

  /** These nodes have noted until when they are in step. */
  async inStep(...nodes: string[]): Promise<void> {
    const since = Date.now();
    const master = await this.cluster.master();
    // Where nothing is written, nothing is noted.
    await withConnection(this.cluster.endpoint(master), (redis) => redis.set("tick", since));
    await waitFor(
      `${nodes.join(", ")} have noted that they are in step`,
      () => nodes.every((node) => Number(readIfThere(this.folder(node).inStep)) >= since) || undefined,
      15_000,
    );
  }

  /** Every key that was written is on every one of these nodes. */
  async keptOn(...nodes: string[]): Promise<void> {
    for (const node of nodes) {
      const count = await withConnection(
        this.cluster.endpoint(node),
        async (redis) => (await redis.keys("kept:*")).length,
      );
      expect(count, `keys on ${node}`).toBe(this.written);
    }
  }

  async failing(): Promise<Check[]> {
    const { stdout, all } = await this.checkout.redisHa("verify", "--env", this.environment, "--json");
    if (stdout === "") throw new Error(all);
    return (JSON.parse(stdout) as { checks: Check[] }).checks.filter(({ holds }) => !holds);
  }

  /** The cluster is well, and everything that was written is everywhere. */
  async holds(): Promise<void> {
    const { code, all } = await this.checkout.redisHa("verify", "--env", this.environment, "--wait", "60");
    expect(code, all).toBe(0);
    await this.keptOn(...this.cluster.names);
  }

  async repair(): Promise<{ code: number; done: string[]; left: string[] }> {
    const { code, stdout, all } = await this.checkout.redisHa("repair", "--env", this.environment, "--json");
    if (stdout === "") throw new Error(all);
    return { code, ...(JSON.parse(stdout) as { done: string[]; left: string[] }) };
  }

  /** One repair mends everything. @returns what it did */
  async mended(): Promise<string[]> {
    const { code, done, left } = await this.repair();
    expect(left).toEqual([]);
    expect(code).toBe(0);
    await this.holds();
    return done;
  }

  async sentinel(node: string, ...args: (string | number)[]): Promise<unknown> {
    const found = this.cluster.topology.nodes.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: no such node`);
    return withConnection(sentinelEndpoint(found), (redis) => redis.call("SENTINEL", ...args), 2000);
  }

  async epoch(node: string): Promise<number> {
    return Number(pairs(await this.sentinel(node, "MASTER", this.cluster.topology.masterName))["config-epoch"]);
  }

  /** The state file of a Sentinel, edited by hand. */
  editState(node: string, edit: (text: string, masterName: string) => string): void {
    const file = this.folder(node).sentinelState;
    const spec = appliedSpec(this.folder(node));
    writeAtomically(file, edit(fs.readFileSync(file, "utf8"), spec?.masterName ?? ""));
  }

  remove(): Promise<void> {
    return this.checkout.remove();
  }
}
