import { masterLast } from "../agent/operations.ts";
import { waitFor } from "../agent/processes.ts";
import { viewFrom } from "../cluster/look.ts";
import { summary, troubles } from "../cluster/view.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { Hosts } from "./hosts.ts";
import { failoverOnHost } from "./operations.ts";

/** A large machine looks at its memory for minutes before it boots. */
const BOOT_TIMEOUT_MS = 900_000;
/** Loading, and a copy of what was missed, take as long as the data is large. */
const WHOLE_TIMEOUT_MS = 900_000;
const LOOK_EVERY_MS = 1000;

/**
 * Reboots hosts one at a time, the master's last and after its role was handed over, each when the others can do without
 * it and only when the one before is in step again.
 * @param nodes names @default - all
 * @returns what was done, in words; undefined when the role could not be handed over, which was said
 * @throws when a host does not come back, or the cluster is not whole again; the rest was not touched then
 */
export async function rebootHosts(
  hosts: Hosts,
  nodes: readonly string[] | undefined,
  report: (line: string) => void,
): Promise<string[] | undefined> {
  const done: string[] = [];
  const note = (line: string): void => {
    done.push(line);
    report(line);
  };
  const { master } = await viewFrom(hosts.chosen, hosts);
  for (const node of masterLast(hosts.nodes, master?.name)) {
    if (nodes && !nodes.includes(node.name)) continue;
    if ((await viewFrom(hosts.chosen, hosts)).master?.name === node.name) {
      const handed = await failoverOnHost<{ to: string; writeGapMs: number }>(hosts, undefined);
      if (!handed) return undefined;
      note(`${node.name}: master's role handed over to ${handed.to} (${handed.writeGapMs} ms without writes)`);
    }
    await hosts.ask(node, { want: "gate", node: node.name, verb: "rebooting" });
    await reboot(hosts, node);
    note(`${node.name}: host rebooted`);
    await untilWhole(hosts, node);
  }
  return done;
}

async function reboot(hosts: Hosts, node: TopologyNode): Promise<void> {
  const before = await bootOf(hosts, node);
  // Answered before it begins, so that the connection does not end in the middle of the answer.
  await hosts.rootShell(node, "systemctl --no-block reboot");
  const back = async (): Promise<true | undefined> => {
    const now = await bootOf(hosts, node).catch(() => before);
    return now !== before || undefined;
  };
  await waitFor(`${node.name}: its host is back after its reboot`, back, BOOT_TIMEOUT_MS, LOOK_EVERY_MS);
}

/** Another one after each boot, in a container too. */
const bootOf = (hosts: Hosts, node: TopologyNode): Promise<string> =>
  hosts.rootShell(node, "cat /proc/sys/kernel/random/boot_id; systemctl show --property UserspaceTimestampMonotonic");

async function untilWhole(hosts: Hosts, node: TopologyNode): Promise<void> {
  let last = "";
  const whole = async (): Promise<true | undefined> => {
    try {
      const view = await viewFrom(hosts.chosen, hosts);
      last = summary(view);
      return (view.master && troubles(view).length === 0) || undefined;
    } catch (error) {
      last = (error as Error).message;
      return undefined;
    }
  };
  await waitFor("the cluster is whole", whole, WHOLE_TIMEOUT_MS, LOOK_EVERY_MS).catch((error: Error) => {
    throw new Error(`after the reboot of ${node.name}: ${error.message}: ${last}. The hosts after it were not touched`);
  });
}
