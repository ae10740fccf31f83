import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { askAgent } from "../../agent/control.ts";
import { conditions } from "../../agent/crash/decide.ts";
import { processStart, waitFor } from "../../agent/processes.ts";
import { askRedis } from "../../cluster/answers.ts";
import { withConnection } from "../../cluster/connection.ts";
import { hasItInFile } from "./append-only-file.ts";
import type { AppliedCluster } from "./applied-cluster.ts";

/** Every condition under which a replica takes over from a crashed master. */
export const everything: readonly string[] = [...Object.keys(conditions), "candidate", "proof"];

/** 100 writes of 100 kB are more than the kernel keeps for a replica that stands still. */
const LARGE = "x".repeat(100_000);
const WRITES = 200;
/** The agent of a master samples it four times a second, that of a replica once. */
const SAMPLED_MS = 600;
const NOTICED_MS = 1200;

/** Crashes of a master, by agents that are as they are, and by agents without some of their conditions. */
export class Crashes {
  master = "";
  others: [string, string] = ["", ""];
  private readonly residents: ChildProcess[] = [];
  private readonly stopped = new Set<number>();

  constructor(readonly cluster: AppliedCluster) {}

  /** How long the log of each node's agent was at the beginning. */
  private logged = new Map<string, number>();

  get nodes(): string[] {
    return this.cluster.cluster.names;
  }

  /** A whole cluster, whatever the test before has broken, with the agents as they are. */
  async begin(): Promise<void> {
    for (const node of this.nodes) await this.cluster.apply(node);
    this.became(await this.cluster.cluster.whole(60_000));
    await this.redis(this.master, (it) => it.flushall());
    await this.cluster.verified();
    await delay(NOTICED_MS);
    this.logged = new Map(this.nodes.map((node) => [node, this.cluster.agentLog(node).length]));
  }

  /** This node is the master that the rest is about. */
  became(master: string): void {
    this.master = master;
    this.others = this.nodes.filter((node) => node !== master) as [string, string];
  }

  /** Ends what a test may have left: stopped processes, and agents that are not the cluster's own. */
  async end(): Promise<void> {
    for (const target of this.stopped) this.resume(target);
    for (const child of this.residents.splice(0)) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
    }
  }

  pid(node: string, name: "redis" | "sentinel" | "agent"): number {
    return this.cluster.pid(node, name);
  }

  redis<T>(node: string, use: Parameters<typeof withConnection<T>>[1]): Promise<T> {
    return withConnection(this.cluster.endpoint(node), use, 3000);
  }

  hang(target: number): void {
    process.kill(target, "SIGSTOP");
    this.stopped.add(target);
  }

  resume(target: number): void {
    this.stopped.delete(target);
    if (processStart(target)) process.kill(target, "SIGCONT");
  }

  /** The line that says what the master's agent decided last, and why; empty when it did not decide since `begin`. */
  decision(): string {
    const lines = this.cluster.agentLog(this.master).slice(this.logged.get(this.master)).split("\n");
    return lines.filter((line) => line.includes("crashed as master")).at(-1) ?? "";
  }

  /** Replaces a node's agent, the master's if none is named, by one without some of the conditions. */
  async agentWithout(without: readonly string[], node = this.master): Promise<void> {
    if (without.length === 0) return;
    const own = this.pid(node, "agent");
    const { root, socket } = this.cluster.folder(node);
    await askAgent(socket, { do: "leave" });
    await waitFor("the agent leaves", () => (processStart(own) ? undefined : true), 5000);
    const script = path.join(import.meta.dirname, "resident.ts");
    const child = spawn(process.execPath, ["--import", "tsx", script, root, ...without], { stdio: "ignore" });
    this.residents.push(child);
    await waitFor("the other agent answers", () => this.pid(node, "agent") === child.pid || undefined, 10_000);
    // Until it has a sample.
    await delay(NOTICED_MS + SAMPLED_MS);
  }

  /** Writes that the master acknowledges and has in its file. @returns their keys */
  async write(count: number, value: string): Promise<string[]> {
    const keys = Array.from({ length: count }, (_, index) => `lost:${Date.now()}:${index}`);
    await this.redis(this.master, async (connection) => {
      for (const key of keys) await connection.set(key, value);
    });
    // Nothing could bring back what is in its memory only.
    await waitFor("the append-only file has it all", () => hasItInFile(this.cluster.endpoint(this.master)), 3000);
    return keys;
  }

  /** More than replicas that stand still can receive, and sampled by the master's agent. */
  async writeWhatNoneReceives(): Promise<string[]> {
    const keys = await this.write(WRITES, LARGE);
    await delay(SAMPLED_MS);
    return keys;
  }

  crash(): void {
    process.kill(this.pid(this.master, "redis"), "SIGKILL");
  }

  /** How many of these acknowledged writes the cluster does not have once it is whole again. */
  async lost(keys: readonly string[]): Promise<number> {
    const now = await this.cluster.cluster.whole(60_000);
    return keys.length - (await this.redis(now, (connection) => connection.exists(...keys)));
  }

  /** Which of the nodes say that they are master, the crashed one left out. */
  async otherMasters(): Promise<string[]> {
    const apart = this.cluster.cluster.topology.nodes.filter(({ name }) => name !== this.master);
    return (await askRedis(apart)).filter(({ state }) => state?.role === "master").map(({ node }) => node.name);
  }

  /** The most of them at any one moment of the next seconds. */
  async mostOtherMasters(ms: number): Promise<number> {
    let most = 0;
    for (const end = Date.now() + ms; Date.now() < end;) most = Math.max(most, (await this.otherMasters()).length);
    return most;
  }
}
