import Table from "cli-table3";
import { askRoles } from "../cluster/roles.ts";
import { hostsOf } from "../remote/hosts.ts";
import type { Inventory, InventoryEnvironment } from "../topology/inventory.ts";
import { hasSentinel, isData, type TopologyNode } from "../topology/topology.ts";
import { type AnsibleEnvironment, ansibleDocument, ansibleInventory, roleGroups } from "./ansible-inventory.ts";
import { speakAsOperator } from "./choice.ts";
import { type Chosen, chooseEnvironment, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";
import type { InventoryFlags } from "./program.ts";

/** What `redis-ha inventory --json` prints: a contract, described in docs/json.md. Fields are added, never changed or removed. */
export interface InventoryDocument {
  readonly version: 1;
  readonly environment: string;
  readonly target: "local" | "ssh" | "aws";
  readonly engine: "redis" | "valkey";
  readonly masterName: string;
  readonly quorum: number;
  readonly nodes: readonly InventoryNode[];
}

export interface InventoryNode {
  readonly name: string;
  readonly zone: string;
  readonly kind: "data" | "witness";
  readonly address: string;
  readonly port: number | null;
  readonly sentinelPort: number | null;
  readonly promotable: boolean;
}

/**
 * Prints the nodes of an environment, or of all that somebody has filled in for Ansible, as they were synthesized.
 * @param root the checkout
 * @returns 0
 * @throws UsageError for options that exclude each other, and for what is not known
 */
export async function inventory(synthesized: Inventory, root: string, flags: InventoryFlags): Promise<number> {
  if (flags.ansible !== true) {
    const needing = (["live", "list", "host"] as const).find((flag) => flags[flag] !== undefined);
    if (needing !== undefined) throw new UsageError(`--${needing} is for --ansible; add that`);
    const chosen = chooseEnvironment(synthesized, flags.env);
    if (flags.json) printJson(inventoryDocument(chosen));
    else print(inventoryText(chosen));
    return 0;
  }

  if (flags.json) throw new UsageError("--ansible and --json exclude each other: what Ansible reads is JSON already");
  const known = Object.entries(synthesized.environments).filter(([, { example }]) => example !== true);
  const chosen =
    flags.env === undefined
      ? known.map(([environment, inventory]) => ({ environment, inventory }))
      : [chooseEnvironment(synthesized, flags.env)];
  for (const { environment, inventory } of chosen) await noteWays(environment, inventory, root);
  if (flags.host !== undefined) {
    printJson(variablesOf(flags.host, chosen, root));
    return 0;
  }
  const environments = flags.live ? await Promise.all(chosen.map((each) => withRoles(each, root))) : chosen;
  printJson(ansibleDocument(ansibleInventory(environments, root)));
  return 0;
}

/** The environment's entry as the document. Pure. */
export function inventoryDocument({ environment, inventory }: Chosen): InventoryDocument {
  const { target, engine, masterName, quorum, nodes } = inventory;
  return {
    version: 1,
    environment,
    target,
    engine,
    masterName,
    quorum,
    nodes: nodes.map(({ name, zone, kind, address, redisPort, sentinelPort, promotable }) => ({
      name,
      zone,
      kind,
      address,
      port: redisPort ?? null,
      sentinelPort: sentinelPort ?? null,
      promotable,
    })),
  };
}

function inventoryText({ environment, inventory }: Chosen): string {
  const table = new Table({
    head: ["node", "zone", "address", inventory.engine, "Sentinel", "what runs there"].map(colours.bold),
    style: { head: [], border: [], compact: true },
  });
  for (const node of inventory.nodes) {
    const ports = [node.redisPort, node.sentinelPort].map((port) => `${port ?? "-"}`);
    table.push([node.name, node.zone, node.address, ...ports, runs(node, inventory)]);
  }
  return `${environment} (${inventory.masterName}), ${place(inventory)}:\n${table.toString()}`;
}

function runs(node: TopologyNode, { engine }: InventoryEnvironment): string {
  if (!isData(node)) return "Sentinel alone: a witness";
  const programs = hasSentinel(node) ? `${engine} and Sentinel` : engine;
  return node.promotable ? programs : `${programs}; never master`;
}

function place({ target, reach }: InventoryEnvironment): string {
  if (target === "local") return "on this computer";
  if (!reach) return `target ${target}`;
  const { user, port, proxyJump, proxyCommand, bastion } = reach;
  const through = bastion ? "the bastion" : (proxyJump ?? proxyCommand);
  return `on hosts reached by ssh as ${user}, port ${port}${through === undefined ? "" : `, through ${through}`}`;
}

/** Ansible's ssh takes what is noted of machines, as ours does. Where that cannot be had now, it will say so, and the inventory is right all the same. */
async function noteWays(environment: string, { nodes, reach }: InventoryEnvironment, root: string): Promise<void> {
  const { hostKeys } = reach ?? {};
  if (reach === undefined || hostKeys === undefined) return;
  const { noteWay } = await import("../remote/note-way.ts");
  for (const { address } of nodes) {
    try {
      await noteWay(address, { ...reach, hostKeys }, root);
    } catch (error) {
      progress(`redis-ha: ${environment}: ssh may not get to its machines: ${(error as Error).message}`);
      return;
    }
  }
}

/** Asks who is master and who replica; says on stderr of which nodes that is not known. */
async function withRoles(chosen: Chosen, root: string): Promise<AnsibleEnvironment> {
  const { environment } = chosen;
  speakAsOperator(chosen, root);
  const { roles, state } = await askRoles(chosen, hostsOf(chosen, root, progress));
  if (roles.unknown.length > 0) {
    const groups = roleGroups(environment);
    const names = roles.unknown.map(({ name }) => name).join(", ");
    progress(`redis-ha: ${environment}: ${state}. Neither in ${groups.master} nor ${groups.replicas}: ${names}`);
  }
  return { ...chosen, roles };
}

function variablesOf(host: string, chosen: readonly Chosen[], root: string): object {
  const { hostvars } = ansibleInventory(chosen, root);
  const found = Object.hasOwn(hostvars, host) ? hostvars[host] : undefined;
  if (!found)
    throw new UsageError(`no host is named "${host}"; known are: ${Object.keys(hostvars).join(", ") || "none"}`);
  return found;
}
