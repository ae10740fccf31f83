import fs from "node:fs";
import path from "node:path";
import { waitFor } from "../agent/processes.ts";
import { redisEndpoint } from "../cluster/answers.ts";
import type { Endpoint } from "../cluster/connection.ts";
import { type ClusterView, summary, troubles } from "../cluster/view.ts";
import { parseConfigFile } from "../topology/config-file.ts";
import { type ClientLogins, clientUsers, loginsIn, type OperatorLogins } from "../secrets/logins.ts";
import { FileStore } from "../secrets/file-store.ts";
import { initSecrets } from "../secrets/init.ts";
import { storeFolder } from "../secrets/open-store.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { ownUsers } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import { InsideProcess } from "./inside-process.ts";
import { movedSpec } from "./moved-spec.ts";
import { Namespaces, type Where } from "./namespaces.ts";

interface ClusterSecrets {
  readonly own: OperatorLogins;
  readonly clients: ClientLogins;
}

/** Sentinel turns a former master into a replica 8 to 11 s after it is back; a full copy of little data is immediate. */
const WHOLE_TIMEOUT_MS = 40_000;
const LOOK_EVERY_MS = 100;

/**
 * A copy of an environment with every node in a network namespace of its own: same files but for the addresses, same
 * agent, empty data, and nothing in common with a cluster of that environment that runs. Only processes in its
 * namespaces reach it: see `inside`.
 */
export class NamespacedCluster {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  private readonly specs: readonly NodeSpec[];
  private readonly processes: InsideProcess[] = [];
  private readonly observer: InsideProcess;
  /** Of its own: `login` reads them. */
  private secrets: ClusterSecrets | undefined;

  private constructor(
    readonly namespaces: Namespaces,
    specs: readonly NodeSpec[],
    private readonly program: string,
  ) {
    this.specs = specs.map((spec) => movedSpec(spec, (node) => namespaces.address(node)));
    const [first] = this.specs;
    if (!first) throw new Error("an environment without nodes has nothing to isolate");
    this.environment = first.environment;
    const { masterName, engine, quorum } = first;
    this.inventory = {
      target: "local",
      engine,
      masterName,
      quorum,
      minReplicasToWrite: Number(this.setting("min-replicas-to-write")),
      secrets: { kind: "file" },
      tls: first.tls === true,
      clientCertificates: this.setting("tls-auth-clients") === "yes",
      nodes: this.specs.map(({ node }) => node),
      stacks: [],
    };
    this.observer = this.inside("control");
  }

  /**
   * Starts every node the way its provisioner does, and waits until the cluster is whole: about 2 s.
   * @param specs of all nodes of one environment, as they were synthesized
   * @param program path of redis-ha.cjs
   * @throws when the namespaces cannot be made or a node does not start; then nothing is left
   */
  static async start(specs: readonly NodeSpec[], program: string): Promise<NamespacedCluster> {
    const namespaces = Namespaces.create(specs.map(({ node }) => node.name));
    let cluster: NamespacedCluster | undefined;
    try {
      cluster = new NamespacedCluster(namespaces, specs, program);
      await cluster.apply();
      await cluster.login();
      await cluster.whole();
      return cluster;
    } catch (error) {
      await cluster?.remove();
      namespaces.remove();
      throw error;
    }
  }

  endpoint(node: string): Endpoint {
    const found = this.inventory.nodes.find(({ name }) => name === node);
    if (!found) throw new Error(`${node}: not a node of ${this.environment}`);
    return redisEndpoint(found);
  }

  /** A key of the first data node's redis.conf. */
  setting(key: string): string | undefined {
    const text = this.specs.find(({ files }) => files["redis.conf"] !== undefined)?.files["redis.conf"];
    return parseConfigFile(text ?? "").get(key);
  }

  /** Starts a process that asks or writes from there. `remove` ends it. */
  inside(where: Where): InsideProcess {
    const started = new InsideProcess(this.namespaces, where, this.program);
    this.processes.push(started);
    if (this.secrets) this.letSpeak(started, this.secrets);
    return started;
  }

  /** What clients log in with. @throws before it was applied */
  get logins(): ClientLogins {
    if (!this.secrets) throw new Error(`${this.environment} has no secrets before it is applied`);
    return this.secrets.clients;
  }

  private letSpeak(process: InsideProcess, { own }: ClusterSecrets): void {
    // One that has ended answers whatever it is asked next in the same way.
    process.ask("speak", this.inventory.nodes, own).catch(() => undefined);
  }

  private async login(): Promise<void> {
    const { environment, inventory } = this;
    const store = new FileStore(storeFolder({ environment, inventory }, this.project, this.dataHome));
    // What the nodes need is there; its clients may need a certificate.
    await initSecrets(store, inventory);
    this.secrets = {
      own: await loginsIn(store, { environment, inventory }, ownUsers),
      clients: await loginsIn(store, { environment, inventory }, clientUsers),
    };
    this.letSpeak(this.observer, this.secrets);
  }

  /** What marks a checkout; the nodes' folders and the secrets are named after it. */
  private get project(): string {
    return path.join(this.namespaces.folder, "lab");
  }

  private get dataHome(): string {
    return path.join(this.namespaces.folder, "data");
  }

  /** What the nodes that can be reached from outside say. */
  view(): Promise<ClusterView> {
    return this.observer.ask("view", this.environment, this.inventory);
  }

  /** Waits until one master is named by all, followed by all, and seen as up. @returns its name */
  async whole(timeoutMs = WHOLE_TIMEOUT_MS): Promise<string> {
    let last: ClusterView | undefined;
    const look = async (): Promise<string | undefined> => {
      last = await this.view();
      return last.master && troubles(last).length === 0 ? last.master.name : undefined;
    };
    return waitFor("the cluster is whole", look, timeoutMs, LOOK_EVERY_MS).catch((error: Error) => {
      throw new Error(`${error.message}${last ? `: ${summary(last)}` : ""}`);
    });
  }

  /** Ends every process of the cluster and removes its files and namespaces. */
  async remove(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.end()));
    this.namespaces.remove();
  }

  private async apply(): Promise<void> {
    const { project } = this;
    fs.mkdirSync(project);
    fs.writeFileSync(path.join(project, "cdktf.json"), "{}\n");
    for (const spec of this.specs) {
      await this.namespaces.run({ node: spec.node.name }, process.execPath, [this.program, "host", "apply"], {
        env: {
          REDIS_HA_SPEC: JSON.stringify(spec),
          REDIS_HA_PROJECT: project,
          XDG_STATE_HOME: path.join(this.namespaces.folder, "state"),
          XDG_DATA_HOME: this.dataHome,
        },
      });
    }
  }
}
