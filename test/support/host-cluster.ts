import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { EnvironmentInput } from "../../environments/environment.ts";
import type { Inventory } from "../../topology/inventory.ts";
import { downLab, Lab, type LabOptions } from "../../tools/lab/lab.ts";
import { describeLab, hostsNamed } from "../../tools/lab/records.ts";
import { type Checkout, createCheckout } from "./checkout.ts";
import { leftOf } from "./debian-hosts.ts";

export interface Ended {
  readonly code: number;
  readonly all: string;
  readonly stdout: string;
}

/** An environment `hosts` on the hosts of a lab of its own, and a checkout that describes it. */
export class HostCluster {
  readonly environment = "hosts";

  private constructor(
    readonly lab: Lab,
    readonly checkout: Checkout,
    public described: EnvironmentInput,
  ) {}

  /**
   * @param name the lab's; two of one name cannot be up at once
   * @param more what is to be described otherwise than by default
   * @param options of the lab; with fewer than three hosts, a node is described for each that is missing, too
   */
  static async up(
    name: string,
    more: Partial<EnvironmentInput> = {},
    options: Omit<LabOptions, "name"> = {},
  ): Promise<HostCluster> {
    await downLab(name);
    const lab = await Lab.up({ name, ...options });
    try {
      const { folder } = lab.record;
      const environment: EnvironmentInput = {
        name: "hosts",
        target: {
          kind: "ssh",
          user: "admin",
          identityFile: path.join(folder, "id_ed25519"),
          knownHostsFile: path.join(folder, "known_hosts"),
        },
        zones: Object.fromEntries(
          nodesOf(lab).map(({ name, address }) => [name.slice(-1), { nodes: [{ name, address }] }]),
        ),
        settings: { maxMemoryMb: 100 },
        ...more,
      };
      const checkout = await createCheckout(environment);
      const cluster = new HostCluster(lab, checkout, environment);
      const { code, all } = await checkout.synth();
      expect(code, all).toBe(0);
      return cluster;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.checkout.remove();
    await this.lab.down();
    expect(leftOf(this.lab.record.name)).toEqual([]);
  }

  /** Edits the environment's file. @param change what is to be described otherwise */
  describe(change: Partial<EnvironmentInput>): void {
    this.described = { ...this.described, ...change };
    this.checkout.describe(this.described);
  }

  /** From now on the hosts are reached from outside their network, as an operator's computer is. */
  useWayIn(): void {
    const wayIn = path.join(this.lab.record.folder, "way-in");
    this.describe({
      target: { ...this.described.target, proxyCommand: `${wayIn} %h %p` } as EnvironmentInput["target"],
    });
  }

  get names(): string[] {
    return this.lab.hosts.map(({ name }) => name);
  }

  /** A node's spec as it was synthesized: JSON. */
  spec(node: string): string {
    return fs.readFileSync(path.join(this.checkout.root, "cdktf.out", "specs", "hosts", `${node}.json`), "utf8");
  }

  /** Runs a command line as root on a host, over ssh. @returns its output. @throws when it fails */
  onHost(node: string, command: string, input = ""): Promise<string> {
    return this.lab.ssh(node, command, { user: "root", input });
  }

  /** A provisioner's step, with the environment variables that Terraform gives it. */
  async step(verb: string, node: string, reach: object = {}, env: Record<string, string> = {}): Promise<Ended> {
    const folder = this.lab.record.folder;
    return this.run(["host", verb], {
      REDIS_HA_SPEC: this.spec(node),
      REDIS_HA_NODE: JSON.stringify({ environment: "hosts", node, address: this.lab.host(node).address }),
      REDIS_HA_REACH: JSON.stringify({
        user: "admin",
        port: 22,
        identityFile: path.join(folder, "id_ed25519"),
        knownHostsFile: path.join(folder, "known_hosts"),
        ...reach,
      }),
      ...env,
    });
  }

  /** Every node, as an apply does it. */
  async apply(): Promise<void> {
    for (const node of this.names) {
      for (const verb of ["install", "apply"]) {
        const { code, all } = await this.step(verb, node);
        expect(code, all).toBe(0);
      }
    }
  }

  redisHa(...args: string[]): Promise<Ended> {
    const dashes = args.indexOf("--");
    const at = dashes < 0 ? args.length : dashes;
    return this.run([...args.slice(0, at), "--env", "hosts", ...args.slice(at)]);
  }

  private async run(args: string[], env: Record<string, string> = {}): Promise<Ended> {
    const program = path.join(this.checkout.root, "cdktf.out", "redis-ha.cjs");
    const { exitCode, all, stdout } = await this.lab.exec(["node", program, ...args], {
      cwd: this.checkout.root,
      reject: false,
      all: true,
      env: { XDG_DATA_HOME: this.dataHome, ...env },
    });
    return { code: exitCode ?? -1, all: String(all), stdout: String(stdout) };
  }

  /** Where the checkout's user has the secrets. */
  get dataHome(): string {
    return path.join(path.dirname(this.checkout.root), "data");
  }

  /** Where each secret has a file. */
  get store(): string {
    return path.join(this.dataHome, "cdktf-redis-ha", "secrets", "hosts", this.masterName);
  }

  /** redis-cli as one who may do everything, at a server or, with its port, at a Sentinel: the words of a command. */
  redisCli(node: string, { sentinel = false } = {}): string[] {
    const user = sentinel ? "sentinel-peer" : "admin";
    const password = fs.readFileSync(path.join(this.store, "users", user), "utf8");
    const server = ["-h", this.lab.host(node).address, ...(sentinel ? ["-p", "26379"] : [])];
    return ["env", `REDISCLI_AUTH=${password}`, "redis-cli", "--user", user, "--tls", "--insecure", ...server];
  }

  async holds(): Promise<void> {
    const { code, all } = await this.redisHa("verify", "--wait", "60");
    expect(code, all).toBe(0);
  }

  async master(): Promise<string> {
    return (JSON.parse((await this.redisHa("status", "--json")).stdout) as { master: string }).master;
  }

  /** The processes that the units of all nodes run: `<node> <unit> <pid>`. */
  async pids(): Promise<string[]> {
    const units = ["agent", "redis", "sentinel"].map((name) => `redis-ha-hosts-${name}`);
    const found = this.names.map(async (node) => {
      const said = await this.lab.ssh(node, `systemctl show -p MainPID --value ${units.join(" ")}`);
      return said.split(/\n+/).map((pid, index) => `${node} ${units[index]} ${pid}`);
    });
    return (await Promise.all(found)).flat();
  }

  get masterName(): string {
    const file = path.join(this.checkout.root, "cdktf.out", "environments.json");
    return (JSON.parse(fs.readFileSync(file, "utf8")) as Inventory).environments["hosts"]?.masterName ?? "";
  }
}

const nodesOf = ({ record: { name, hosts, image, release } }: Lab) =>
  describeLab(name, hostsNamed(Math.max(hosts.length, 3)), image, release).hosts;
