import fs from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { EnvironmentInput } from "../../../environments/environment.ts";
import { authorityFile } from "../../../secrets/authorities.ts";
import { clientUsers } from "../../../secrets/logins.ts";
import { ownUsers } from "../../../topology/node-secrets.ts";
import { unitNames } from "../../../topology/host-places.ts";
import { controlAddress, network } from "../../../tools/lab/records.ts";
import { type Checkout, createCheckout, type Ran } from "../checkout.ts";
import { leftOf } from "../debian-hosts.ts";
import { Cloud } from "./cloud.ts";

/** Of a /24, each 16 addresses: first those of the machines, then the public ones. */
const SUBNET_SIZE = 16;
const MACHINE = 10;
const PUBLIC_FROM = 128;

/** What a client, and an agent, has to know of the secrets. */
const SECRETS = [...[...clientUsers, ...ownUsers].map((user) => `users/${user}`), authorityFile];

/** One of the project's own environments on AWS, in the network of a lab, and a checkout that describes it. */
export class AwsCluster {
  private constructor(
    readonly cloud: Cloud,
    readonly checkout: Checkout,
    public described: EnvironmentInput,
    readonly later: EnvironmentInput["zones"],
    private readonly terraform: Readonly<Record<string, string>>,
  ) {}

  /**
   * @param lab the lab's name; two of one name cannot be up at once
   * @param environment its network and its zones' are exchanged for the lab's
   * @param terraform the environment that names the stand-in provider
   * @param later zones that are described later, as `later` has them then
   */
  static async up(
    lab: string,
    environment: EnvironmentInput,
    terraform: Readonly<Record<string, string>>,
    later: EnvironmentInput["zones"] = {},
  ): Promise<AwsCluster> {
    const { zones, ...moved } = inLab({ ...environment, zones: { ...environment.zones, ...later } });
    const nodes = Object.values(zones).flatMap((zone) => zone.nodes);
    const [now, then] = [environment.zones, later].map((some) =>
      Object.fromEntries(Object.entries(zones).filter(([name]) => name in some)),
    ) as [EnvironmentInput["zones"], EnvironmentInput["zones"]];
    const cloud = await Cloud.up(lab, Object.fromEntries(nodes.map(({ name, address = "" }) => [name, address])));
    try {
      const key = path.join(cloud.lab.record.folder, "id_ed25519");
      const publicKeys = [fs.readFileSync(`${key}.pub`, "utf8").trim()];
      // Amazon's agent is not to be had here.
      const here = {
        ...{ identityFile: key, publicKeys, sessionManager: false },
        operators: { cidrs: [`${controlAddress}/32`] },
      };
      const described = { ...moved, zones: now, target: { ...moved.target, ...here } } as EnvironmentInput;
      const checkout = await createCheckout(described);
      const cluster = new AwsCluster(cloud, checkout, described, then, terraform);
      // The units of Terragrunt come with it.
      await cluster.said(checkout.synth());
      return cluster;
    } catch (error) {
      await cloud.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.checkout.remove();
    await this.cloud.down();
    expect(leftOf(this.lab.record.name)).toEqual([]);
  }

  get lab() {
    return this.cloud.lab;
  }

  get environment(): string {
    return this.described.name;
  }

  /** The nodes with data. */
  get names(): string[] {
    return Object.values(this.described.zones)
      .flatMap(({ nodes }) => nodes)
      .filter(({ runs }) => runs === undefined || runs.includes("redis"))
      .map(({ name }) => name);
  }

  /** Where `learnSecrets` has written them. */
  get store(): string {
    return path.join(path.dirname(this.checkout.root), "known-secrets");
  }

  /** Edits the environment's file. @param change what is to be described otherwise */
  describe(change: Partial<EnvironmentInput>): void {
    this.described = { ...this.described, ...change };
    this.checkout.describe(this.described);
  }

  inTarget(change: object): void {
    this.describe({ target: { ...this.described.target, ...change } });
  }

  inZone(zone: string, change: object): void {
    const { zones } = this.described;
    this.describe({ zones: { ...zones, [zone]: { nodes: [], ...zones[zone], ...change } } });
  }

  /** A command where the machines, and this AWS, can be reached. */
  run(command: string, args: readonly string[], cwd = this.checkout.root): Promise<Ran> {
    const [file = "", ...rest] = this.lab.command([command, ...args]);
    const env = { ...this.terraform, ...this.cloud.environment };
    return this.checkout.run(file, rest, { cwd, env });
  }

  /** Terragrunt, by the project's own wrapper. @param unit all of the environment by default */
  terragrunt(args: readonly string[], unit = ""): Promise<Ran> {
    const { root } = this.checkout;
    const cwd = path.join(root, "terragrunt", this.environment, unit);
    return this.run(path.join(root, "node_modules/.bin/terragrunt"), args, cwd);
  }

  async applyAll(): Promise<string> {
    return this.said(this.terragrunt(["run-all", "apply", "--non-interactive", "-auto-approve"]));
  }

  redisHa(...args: string[]): Promise<Ran> {
    return this.run(path.join(this.checkout.root, "node_modules/.bin/redis-ha"), [...args, "--env", this.environment]);
  }

  /** What it said. @throws when it failed */
  async said(running: Promise<Ran>): Promise<string> {
    const { code, all } = await running;
    expect(code, all).toBe(0);
    return all;
  }

  async holds(): Promise<void> {
    await this.said(this.redisHa("verify", "--wait", "60"));
  }

  /** Reads from Parameter Store what clients of a test log in with. */
  async learnSecrets(): Promise<void> {
    for (const name of SECRETS) {
      const file = path.join(this.store, name);
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const { code, stdout, all } = await this.redisHa("secrets", "show", name);
      expect(code, all).toBe(0);
      fs.writeFileSync(file, stdout, { mode: 0o600 });
    }
  }

  /** The processes that the units of a node run, by unit. */
  async pids(node: string): Promise<Record<string, string>> {
    const units = Object.entries(unitNames(this.environment));
    const show = ["systemctl", "show", "-p", "MainPID", "--value", ...units.map(([, unit]) => unit)];
    const pids = (await this.lab.host(node).run(show)).split(/\n+/);
    return Object.fromEntries(units.map(([unit], index) => [unit, pids[index] ?? ""]));
  }
}

/** The same in the network of a lab: a subnet of sixteen addresses for each zone, and what is public above all of them. */
function inLab(environment: EnvironmentInput): EnvironmentInput {
  const subnet = (from: number): string => `${network}.${from}/28`;
  const zones = Object.entries(environment.zones).map(([name, zone], index) => {
    const first = index * SUBNET_SIZE;
    const isPublic = zone.publicSubnetCidr !== undefined;
    return [
      name,
      {
        ...zone,
        subnetCidr: subnet(first),
        ...(isPublic ? { publicSubnetCidr: subnet(PUBLIC_FROM + first) } : {}),
        nodes: zone.nodes.map((node, at) => ({ ...node, address: `${network}.${first + MACHINE + at}` })),
      },
    ];
  });
  return {
    ...environment,
    target: { ...environment.target, vpcCidr: `${network}.0/24` } as EnvironmentInput["target"],
    backend: { kind: "local" },
    zones: Object.fromEntries(zones) as EnvironmentInput["zones"],
    settings: { ...environment.settings, maxMemoryMb: 100 },
  };
}
