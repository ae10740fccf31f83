import type { Roles } from "../cluster/roles.ts";
import { proxyOption } from "../remote/proxy.ts";
import { fileOf, knownHostsOnly } from "../remote/reach.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { hasSentinel, isData, type TopologyNode } from "../topology/topology.ts";
import { UsageError } from "./environment-choice.ts";
import { quoted } from "./output.ts";

export interface AnsibleEnvironment {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** Who is master and replica now. @default - not asked, and no groups for it */
  readonly roles?: Roles;
}

export type HostVars = Readonly<Record<string, string | number | boolean>>;

export interface AnsibleGroup {
  readonly hosts: string[];
  readonly children: string[];
}

export interface AnsibleInventory {
  readonly hostvars: Readonly<Record<string, HostVars>>;
  readonly groups: Readonly<Record<string, AnsibleGroup>>;
}

/** The same node name may be in several environments; and no group has a dot in its name, so none is a host's too. */
export const ansibleHost = (environment: string, { name }: TopologyNode): string => `${name}.${environment}`;

/** Ansible's group names have letters, digits and underscores only. */
const inGroupName = (name: string): string => name.replaceAll("-", "_");

/** The groups that hold the environment's master and its replicas. */
export const roleGroups = (environment: string): { master: string; replicas: string } => ({
  master: `${inGroupName(environment)}_master`,
  replicas: `${inGroupName(environment)}_replicas`,
});

/**
 * Hosts, their variables and their groups: by environment, zone, kind and, where it was asked, role. Pure.
 * @param root the checkout: a relative path of a description counts from there
 * @throws UsageError when two things would have the same group
 */
export function ansibleInventory(environments: readonly AnsibleEnvironment[], root: string): AnsibleInventory {
  const groups = new Groups();
  const hostvars: Record<string, HostVars> = {};
  for (const kind of kinds) groups.add(kind.group, kind.of);
  for (const { environment, inventory, roles } of environments) {
    const hostsOf = (nodes: readonly TopologyNode[]): string[] => nodes.map((node) => ansibleHost(environment, node));
    const own = inGroupName(environment);
    groups.add(own, `the environment ${environment}`);
    for (const zone of new Set(inventory.nodes.map((node) => node.zone))) {
      const group = `${own}_zone_${inGroupName(zone)}`;
      const hosts = hostsOf(inventory.nodes.filter((node) => node.zone === zone));
      groups.add(group, `the zone ${zone} of ${environment}`, { hosts });
      groups.add(own, `the environment ${environment}`, { children: [group] });
    }
    for (const { group, of, holds } of kinds) groups.add(group, of, { hosts: hostsOf(inventory.nodes.filter(holds)) });
    if (roles) {
      const names = roleGroups(environment);
      groups.add(names.master, `the master of ${environment}`, { hosts: hostsOf(roles.master) });
      groups.add(names.replicas, `the replicas of ${environment}`, { hosts: hostsOf(roles.replicas) });
    }
    for (const node of inventory.nodes) {
      hostvars[ansibleHost(environment, node)] = variablesOf(node, environment, inventory, root);
    }
  }
  return { hostvars, groups: groups.all() };
}

/** What an inventory script of Ansible prints for `--list`. With `_meta` Ansible does not ask for each host. */
export const ansibleDocument = ({ hostvars, groups }: AnsibleInventory): object => ({ _meta: { hostvars }, ...groups });

const kinds = [
  { group: "redis", of: "the nodes with data", holds: isData },
  { group: "sentinel", of: "the nodes with a Sentinel", holds: hasSentinel },
  { group: "witness", of: "the witnesses", holds: (node: TopologyNode): boolean => node.kind === "witness" },
];

class Groups {
  private readonly byName = new Map<string, AnsibleGroup & { readonly of: string }>([
    ["all", { of: "every host", hosts: [], children: [] }],
    ["ungrouped", { of: "the hosts without a group", hosts: [], children: [] }],
  ]);

  /**
   * @param of what the group stands for, for people
   * @throws UsageError when the group stands for something else already
   */
  add(name: string, of: string, { hosts = [], children = [] }: Partial<AnsibleGroup> = {}): void {
    const group = this.byName.get(name) ?? { of, hosts: [], children: [] };
    if (group.of !== of) {
      throw new UsageError(
        `the Ansible group ${name} would stand for ${group.of} and for ${of}; print other environments alone, with ` +
          `--ansible --env NAME, or rename in environments/ what has not been applied yet`,
      );
    }
    group.hosts.push(...hosts);
    group.children.push(...children);
    this.byName.set(name, group);
  }

  /** Without those that Ansible has by itself. */
  all(): Record<string, AnsibleGroup> {
    const own = [...this.byName].filter(([name]) => name !== "all" && name !== "ungrouped");
    return Object.fromEntries(own.map(([name, { hosts, children }]) => [name, { hosts, children }]));
  }
}

function variablesOf(
  node: TopologyNode,
  environment: string,
  { target, reach, masterName }: InventoryEnvironment,
  root: string,
): HostVars {
  return {
    ansible_host: node.address,
    // As Ansible has it for its own localhost: the Python that it runs on is one that works here.
    ...(target === "local"
      ? { ansible_connection: "local", ansible_python_interpreter: "{{ ansible_playbook_python }}" }
      : {}),
    ...(reach
      ? {
          ansible_port: reach.port,
          ansible_user: reach.user,
          ...(reach.identityFile === undefined
            ? {}
            : { ansible_ssh_private_key_file: fileOf(root, reach.identityFile) }),
          ansible_ssh_common_args: sshArguments({
            ...knownHostsOnly(reach, root),
            ...(reach.identityFile === undefined ? {} : { IdentitiesOnly: "yes" }),
            ...proxyOption(reach, root),
          }),
          // Ansible's own setting, where it is off, stands before these arguments, and ssh takes the first.
          ansible_ssh_host_key_checking: true,
        }
      : {}),
    redis_ha_environment: environment,
    redis_ha_node: node.name,
    redis_ha_zone: node.zone,
    redis_ha_master_name: masterName,
    ...(node.redisPort === undefined ? {} : { redis_ha_redis_port: node.redisPort }),
    ...(node.sentinelPort === undefined ? {} : { redis_ha_sentinel_port: node.sentinelPort }),
  };
}

/** As one text, which Ansible takes apart by the rules of a shell. */
const sshArguments = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([key, value]) => `-o ${quoted(`${key}=${value}`)}`)
    .join(" ");
