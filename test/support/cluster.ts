import { setTimeout as delay } from "node:timers/promises";
import { runningMinReplicas } from "../../agent/min-replicas.ts";
import { waitFor } from "../../agent/processes.ts";
import {
  askRedis,
  askSentinels,
  FENCE,
  type RedisAnswer,
  redisEndpoint,
  type RedisState,
  type SentinelAnswer,
} from "../../cluster/answers.ts";
import { type Endpoint, withConnection } from "../../cluster/connection.ts";
import { parseEnvironment } from "../../environments/parse.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { type Topology, topologyOf } from "../../topology/topology.ts";
import { clientOptions, loginOf } from "../../cli/client-options.ts";
import type { WriterOptions } from "../../drill/acknowledged-writer.ts";
import { speakAsAny } from "../../agent/secrets.ts";
import type { ClientLogins } from "../../secrets/logins.ts";
import { type Checkout, stateIn } from "./checkout.ts";
import { storedClientLogins } from "./stored-secrets.ts";
import { type Load, SteadyWriter } from "./steady-writer.ts";

/** A running cluster as a test looks at it: by its own questions, not by the project's `status` or `verify`. */
export class Cluster {
  readonly topology: Topology;
  private readonly tls: boolean;

  /** @param checkout that it is applied from: what is in its store is what it is asked with */
  constructor(
    environment: EnvironmentInput,
    private readonly checkout: () => Checkout,
  ) {
    const parsed = parseEnvironment(environment);
    this.tls = parsed.access.tls;
    this.topology = topologyOf(parsed);
  }

  /** From now on this process asks the cluster as its agents do; before it was applied, as nobody. */
  speak(): void {
    const { environment, nodes } = this.topology;
    speakAsAny(stateIn(this.checkout(), environment), environment, nodes);
  }

  /** Of the cluster's clients. */
  get logins(): ClientLogins {
    return storedClientLogins(this.checkout().store(this.topology.environment), this.tls);
  }

  /** How a client reaches the master. */
  get clientOptions(): WriterOptions["connection"] {
    const { sentinels, ...options } = clientOptions(this.topology, "master", this.logins);
    return { ...options, sentinels: [...sentinels] };
  }

  /** The same with nothing else than it takes. */
  get plainOptions(): WriterOptions["connection"] {
    const { sentinels = [], name = "" } = this.clientOptions;
    return { sentinels, name, ...loginOf("master", this.logins) };
  }

  get names(): string[] {
    return this.topology.nodes.map(({ name }) => name);
  }

  endpoint(node: string): Endpoint {
    const found = this.topology.nodes.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: not a node of ${this.topology.environment}`);
    this.speak();
    return redisEndpoint(found);
  }

  async state(node: string): Promise<RedisState | undefined> {
    this.speak();
    return (await askRedis(this.topology.nodes.filter(({ name }) => name === node)))[0]?.state;
  }

  /** The node that every Sentinel which answers names and that says so itself; empty when there is none. */
  async master(): Promise<string> {
    return (await this.look()).master;
  }

  /** What all say, asked once and at the same time: each question opens a connection. */
  private async look(): Promise<{ master: string; servers: RedisAnswer[]; sentinels: SentinelAnswer[] }> {
    this.speak();
    const { nodes, masterName } = this.topology;
    const [servers, sentinels] = await Promise.all([askRedis(nodes), askSentinels(nodes, masterName)]);
    const named = sentinels.flatMap(({ state }) => state?.master ?? []);
    const master = servers.find(
      ({ node, state }) => state?.role === "master" && named.every(({ port }) => port === node.redisPort),
    );
    return { master: named.length > 0 && master ? master.node.name : "", servers, sentinels };
  }

  /** Waits for one master that takes writes and that all Sentinels name, with every other data node linked to it. */
  async whole(timeoutMs = 40_000): Promise<string> {
    return waitFor(
      "one master, all replicas linked, all Sentinels agree",
      async () => {
        const { master, servers, sentinels } = await this.look();
        const linked = servers.filter(({ state }) => state?.link === "up").length;
        if (master === "" || linked !== servers.length - 1 || !sentinels.every(({ state }) => state)) return undefined;
        const minReplicas = await withConnection(this.endpoint(master), runningMinReplicas).catch(() => FENCE);
        return minReplicas === FENCE ? undefined : master;
      },
      timeoutMs,
      200,
    );
  }

  /** Waits until the Sentinels that answer name another master than `former`. */
  masterOtherThan(former: string, timeoutMs = 30_000): Promise<string> {
    return waitFor(
      `another master than ${former}`,
      async () => {
        const now = await this.master();
        return now !== "" && now !== former ? now : undefined;
      },
      timeoutMs,
      200,
    );
  }

  /** Runs `use`. @returns the nodes that became master meanwhile, one after the other */
  async masterChanges(use: () => Promise<unknown>): Promise<string[]> {
    let last = await this.whole();
    const changes: string[] = [];
    let ended = false;
    const watching = (async () => {
      while (!ended) {
        const now = await this.master();
        if (now !== "" && now !== last) changes.push(now);
        if (now !== "") last = now;
        await delay(50);
      }
    })();
    try {
      await use();
    } finally {
      ended = true;
      await watching;
    }
    return changes;
  }

  /** Runs `use`. @returns the longest time for which a replica's link was seen down, in milliseconds */
  async longestLinkDown(use: () => Promise<unknown>): Promise<number> {
    let [ended, longest] = [false, 0];
    const since = new Map<string, number>();
    const watching = (async () => {
      while (!ended) {
        for (const { node, state } of await askRedis(this.topology.nodes)) {
          if (state?.role !== "replica" || state.link === "up") since.delete(node.name);
          else since.set(node.name, since.get(node.name) ?? performance.now());
          longest = Math.max(longest, performance.now() - (since.get(node.name) ?? performance.now()));
        }
        await delay(20);
      }
    })();
    await use().finally(() => (ended = true));
    await watching;
    return longest;
  }

  /**
   * Runs `use` while a client writes, and looks at the end on the master of then for what was acknowledged.
   * @param then the cluster at the end, should `use` add or remove nodes
   */
  async underLoad(use: (writer: SteadyWriter) => Promise<unknown>, then: () => Cluster = () => this): Promise<Load> {
    const writer = new SteadyWriter(this.topology, this.logins);
    try {
      await waitFor("the first writes", () => writer.count > 20 || undefined, 5000);
      await use(writer);
      const before = writer.count;
      await waitFor("further writes", () => writer.count > before + 20 || undefined, 10_000);
      const last = then();
      return await writer.finish(last.endpoint(await last.whole()));
    } finally {
      await writer.stop();
    }
  }
}
