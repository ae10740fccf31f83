import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { waitFor } from "../../agent/processes.ts";
import { clientOptions, directLoginOf } from "../../cli/client-options.ts";
import { redisEndpoint } from "../../cluster/answers.ts";
import type { Endpoint } from "../../cluster/connection.ts";
import { type ClusterView, troubles } from "../../cluster/view.ts";
import { type Ack, monotonicMs, type WriterOptions, type Written } from "../../drill/acknowledged-writer.ts";
import { InsideProcess } from "../../drill/inside-process.ts";
import type { Where } from "../../drill/namespaces.ts";
import type { EnvironmentInput } from "../../environments/environment.ts";
import { unitNames } from "../../topology/host-places.ts";
import type { Inventory, InventoryEnvironment } from "../../topology/inventory.ts";
import { storedClientLogins, storedOperatorLogins } from "./stored-secrets.ts";
import { inNamespace } from "../../tools/lab/network.ts";
import type { Host } from "../../tools/lab/host.ts";
import type { Lab } from "../../tools/lab/lab.ts";
import { chaosLine, type Outcome, type Seen } from "./chaos-line.ts";
import type { Checkout } from "./checkout.ts";
import { HostCluster } from "./host-cluster.ts";

export type Unit = keyof ReturnType<typeof unitNames>;

/** A cluster on hosts of a lab, and the checkout that describes it. */
export interface Subject {
  readonly environment: string;
  readonly lab: Lab;
  readonly checkout: Checkout;
  /** The nodes with data. */
  readonly names: readonly string[];
  /** Where each secret has a file. */
  readonly store: string;
  /** @throws when `verify --wait` does not come to hold */
  holds(): Promise<void>;
  down(): Promise<void>;
}

/** A failover takes 4 s, one that has to be tried again 25 s; the rest is for a computer that is busy. */
export const FAILOVER_MS = 60_000;
/** No failover that goes well takes so long. */
const WORTH_A_LOOK_MS = 12_000;
/** What servers and agents have said in some minutes. */
const LOG_LINES = 150;
/** Enough to know that a writer is at its pace. */
const WARM_UP_WRITES = 50;
const WRITES_TIMEOUT_MS = 60_000;

/** A cluster on hosts of its own that is applied and holds, and clients that count what is lost while it is broken. */
export class Chaos<S extends Subject = HostCluster> {
  private readonly program: string;
  private readonly processes: InsideProcess[] = [];
  private readonly observer: InsideProcess;
  private runs = 0;

  private constructor(readonly cluster: S) {
    this.program = path.join(cluster.checkout.root, "cdktf.out", "redis-ha.cjs");
    this.observer = this.inside("control");
  }

  /**
   * @param name the lab's; two of one name cannot be up at once
   * @param more what is to be described otherwise than by default
   */
  static async up(name: string, more: Partial<EnvironmentInput> = {}): Promise<Chaos> {
    const cluster = await HostCluster.up(name, more);
    try {
      await cluster.apply();
      await cluster.holds();
      return Chaos.on(cluster);
    } catch (error) {
      await cluster.down();
      throw error;
    }
  }

  /** @param cluster is applied already, and is taken down with this */
  static on<S extends Subject>(cluster: S): Chaos<S> {
    return new Chaos(cluster);
  }

  async down(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.end()));
    await this.cluster.down();
  }

  /** As it was synthesized last. */
  private get inventory(): InventoryEnvironment {
    const file = path.join(this.cluster.checkout.root, "cdktf.out", "environments.json");
    const { environments } = JSON.parse(fs.readFileSync(file, "utf8")) as Inventory;
    return environments[this.cluster.environment] as InventoryEnvironment;
  }

  private get units() {
    return unitNames(this.cluster.environment);
  }

  get names(): readonly string[] {
    return this.cluster.names;
  }

  host(node: string): Host {
    return this.cluster.lab.host(node);
  }

  endpoint(node: string): Endpoint {
    const found = this.inventory.nodes.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: not one of ${this.names.join(", ")}`);
    return redisEndpoint(found);
  }

  /** What the nodes say that the clients reach. */
  view(): Promise<ClusterView> {
    this.letSpeak(this.observer);
    return this.observer.ask("view", this.cluster.environment, this.inventory);
  }

  /** Waits until the clients see one master that everybody names and follows. @returns its name */
  async master(timeoutMs = FAILOVER_MS): Promise<string> {
    let found: string[] = [];
    const whole = async (): Promise<string | undefined> => {
      const view = await this.view();
      found = troubles(view);
      return found.length === 0 ? view.master?.name : undefined;
    };
    return waitFor("the cluster is whole", whole, timeoutMs, 100).catch((error: Error) => {
      throw new Error(`${error.message}: ${found.join("; ")}`);
    });
  }

  async replicas(): Promise<[string, string]> {
    const master = await this.master();
    return this.names.filter((name) => name !== master) as [string, string];
  }

  /** Waits until a quorum names a master, which says so itself, and is none of these. @returns its name */
  masterOtherThan(...former: string[]): Promise<string> {
    const other = async (): Promise<string | undefined> => {
      const { master, nodes } = await this.view();
      if (!master || former.includes(master.name)) return undefined;
      const { redis } = nodes.find(({ node }) => node.name === master.name) ?? {};
      return redis?.state?.role === "master" ? master.name : undefined;
    };
    return waitFor(`a master${former.length > 0 ? ` other than ${former.join(" and ")}` : ""}`, other, FAILOVER_MS, 50);
  }

  /** Sends a signal to the main process of a unit, past the host's network. */
  async signal(signal: "KILL" | "STOP" | "CONT", node: string, ...units: Unit[]): Promise<void> {
    const names = units.map((unit) => this.units[unit]);
    await this.host(node).run(["systemctl", "kill", "--kill-whom=main", `--signal=${signal}`, ...names]);
  }

  /** The main process of a unit, as its host counts: "0" while there is none. */
  async pid(node: string, unit: Unit): Promise<string> {
    return this.host(node).run(["systemctl", "show", "--property=MainPID", "--value", this.units[unit]]);
  }

  /** systemctl on a host, past its network. */
  systemctl(node: string, verb: string, ...units: Unit[]): Promise<string> {
    return this.host(node).run(["systemctl", verb, ...units.map((unit) => this.units[unit])], { timeoutMs: 120_000 });
  }

  /** The file of a node below its folder, as this computer sees it. */
  file(node: string, ...below: string[]): string {
    return path.join(this.host(node).root, "var/lib/redis-ha", this.cluster.environment, node, ...below);
  }

  agentLog(node: string): string {
    return fs.readFileSync(this.file(node, "log", "agent.log"), "utf8");
  }

  /** A process where the clients are, or on the network of one host. `down` ends it. */
  inside(where: Where): InsideProcess {
    const { lab } = this.cluster;
    const command = (at: Where, file: string, args: readonly string[]): { file: string; args: string[] } => {
      const line = [file, ...args];
      const [first = "", ...rest] = at === "control" ? lab.command(line) : inNamespace(this.namespace(at.node), line);
      return { file: first, args: rest };
    };
    const started = new InsideProcess({ command }, where, this.program);
    this.processes.push(started);
    this.letSpeak(started);
    return started;
  }

  /** With the nodes as they are described now: their addresses may have changed. */
  private letSpeak(process: InsideProcess): void {
    process.ask("speak", this.inventory.nodes, storedOperatorLogins(this.cluster.store)).catch(() => undefined);
  }

  /** The network namespace of a host. */
  namespace(node: string): string {
    const found = this.cluster.lab.record.hosts.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: not a host of the lab`);
    return found.namespace;
  }

  /**
   * Does something to the cluster while two clients write, one of them with WAIT 1. In the end `verify --wait` holds, both
   * clients write again, and everything that was acknowledged is looked for. Prints one line with the figures.
   * @param scenario what is printed, the same in every run
   * @param use is told the master, and how to wait until both clients have written more
   * @throws when the cluster does not come to hold or a client does not come back
   */
  async under(
    scenario: string,
    use: (master: string, written: () => Promise<void>) => Promise<unknown>,
  ): Promise<Outcome> {
    const before = await this.master();
    const clients = this.inside("control");
    try {
      const options = clientOptions(this.inventory, "master", storedClientLogins(this.cluster.store));
      const connection = { ...options, sentinels: [...options.sentinels] };
      const [plain, wait] = ["plain", "wait"].map((kind) => `${kind}-${++this.runs}`) as [string, string];
      await clients.ask("startWriter", { name: plain, waitReplicas: 0, connection });
      await clients.ask("startWriter", { name: wait, waitReplicas: 1, connection });
      const written = async (): Promise<void> => {
        for (const name of [plain, wait]) await untilWritten(clients, name);
      };
      await written();
      const faultAt = monotonicMs();
      await use(before, written);
      await this.cluster.holds();
      const after = await this.master();
      await written();
      const seen = async (name: string): Promise<Seen> => {
        const result = await clients.ask("finishWriter", name, this.endpoint(after));
        tellLost(name, result, faultAt);
        return seenBy(result, faultAt);
      };
      const outcome: Outcome = { before, after, plain: await seen(plain), wait: await seen(wait) };
      console.log(chaosLine(scenario, outcome));
      if (outcome.wait.lost > 0 || outcome.plain.longestGapMs > WORTH_A_LOOK_MS) this.tellLogs();
      return outcome;
    } catch (error) {
      this.tellLogs();
      throw error;
    } finally {
      await clients.end();
    }
  }

  /** Without them, nobody finds out why: they are gone with the hosts. */
  private tellLogs(): void {
    for (const node of this.names) {
      for (const name of ["agent", "sentinel"]) {
        const log = fs.readFileSync(this.file(node, "log", `${name}.log`), "utf8");
        console.log(`${name} of ${node}:\n${log.split("\n").slice(-LOG_LINES).join("\n")}`);
      }
    }
  }

  /** Two clients beside a node, connected straight to its server, as if they had been there before. */
  async beside(node: string): Promise<{ finish(server: Endpoint): Promise<{ plain: Written; wait: Written }> }> {
    const clients = this.inside({ node });
    const { address: host, port } = this.endpoint(node);
    const login = directLoginOf("master", storedClientLogins(this.cluster.store));
    const writers: WriterOptions[] = ["plain", "wait"].map((kind, waitReplicas) => ({
      name: `beside-${kind}-${++this.runs}`,
      waitReplicas,
      connection: { host, port, ...login },
    }));
    for (const writer of writers) await clients.ask("startWriter", writer);
    for (const { name } of writers) await untilWritten(clients, name);
    const [plain, wait] = writers.map(({ name }) => name) as [string, string];
    return {
      finish: async (server) => ({
        plain: await clients.ask("finishWriter", plain, server),
        wait: await clients.ask("finishWriter", wait, server),
      }),
    };
  }
}

async function untilWritten(clients: InsideProcess, name: string): Promise<void> {
  const wanted = (await clients.ask("acknowledged", name)) + WARM_UP_WRITES;
  const enough = async (): Promise<true | undefined> =>
    (await clients.ask("acknowledged", name)) >= wanted || undefined;
  await waitFor(`${WARM_UP_WRITES} more writes of ${name}`, enough, WRITES_TIMEOUT_MS, 50);
}

/** When each lost write was acknowledged, and by whom, is where the search for the reason begins. */
function tellLost(name: string, { lost }: Written, faultAt: number): void {
  const [first, last] = [lost[0], lost.at(-1)];
  if (!first || !last) return;
  const after = ({ atMs }: Ack): number => Math.round(atMs - faultAt);
  const by = [...new Set(lost.map((ack) => ack.by))].join(" and ");
  console.log(`${name}: lost are writes that ${by} acknowledged ${after(first)} to ${after(last)} ms after the fault`);
}

function seenBy({ acks, lost }: Written, faultAt: number): Seen {
  let longestGapMs = 0;
  acks.forEach(({ atMs }, index) => {
    const before = acks[index - 1];
    if (before && atMs > faultAt) longestGapMs = Math.max(longestGapMs, atMs - before.atMs);
  });
  return { acknowledged: acks.length, lost: lost.length, longestGapMs: Math.round(longestGapMs) };
}

/** For what is planned, and for a crash: every acknowledged write is there. */
export function expectNothingLost({ plain, wait }: Outcome): void {
  expect(plain.lost, "lost writes").toBe(0);
  expect(wait.lost, "lost writes that WAIT 1 had confirmed").toBe(0);
}

/** For the loss of a master that nobody could ask first: what WAIT 1 had confirmed is there. */
export function expectConfirmedKept({ wait }: Outcome): void {
  expect(wait.lost, "lost writes that WAIT 1 had confirmed").toBe(0);
}
