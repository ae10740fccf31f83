import { type NodeFacts } from "../cluster/evidence.ts";
import type { Hosts } from "../remote/hosts.ts";
import { failoverOnHost, rollOnHosts } from "../remote/operations.ts";
import { unitNames } from "../topology/host-places.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { ProcessName } from "./fault.ts";
import type { Site } from "./site.ts";

/** Makes systemd leave a unit alone that was killed; gone after a reboot. */
const dropIn = (unit: string): string => `/run/systemd/system/${unit}.d/redis-ha-drill.conf`;

/** The nodes of hosts. What is done there is done by their root, over ssh. */
export function hostSite(hosts: Hosts): Site {
  const { environment } = hosts.chosen;
  const units = unitNames(environment);
  const its = ({ name, address }: TopologyNode) => ({ environment, node: name, address });
  const mainPid = async (node: TopologyNode, name: ProcessName): Promise<number> =>
    Number(await hosts.rootShell(node, `systemctl show --property MainPID --value ${units[name]}`));
  return {
    process: async (node, name) => {
      const pid = await mainPid(node, name);
      if (!pid) return undefined;
      const alive = async (): Promise<boolean> => (await mainPid(node, name)) === pid;
      return {
        pid,
        alive,
        send: async (signal) => {
          // In one step, so that it is this process and no later one.
          const same = `test "$(systemctl show --property MainPID --value ${units[name]})" = ${pid}`;
          await hosts.rootShell(node, `if ${same}; then kill -${signal.slice(3)} ${pid}; fi`);
        },
      };
    },
    halt: async (nodes, names) => {
      const ours = names.map((name) => units[name]);
      const keepDown = ours.map(
        (unit) =>
          `mkdir -p ${dropIn(unit).replace(/\/[^/]*$/, "")}; printf "[Service]\\nRestart=no\\n" >${dropIn(unit)}`,
      );
      await Promise.all(nodes.map((node) => hosts.rootShell(node, `${keepDown.join("; ")}; systemctl daemon-reload`)));
      await Promise.all(
        nodes.map((node) => hosts.rootShell(node, `systemctl kill --kill-whom=main --signal=KILL ${ours.join(" ")}`)),
      );
    },
    start: async (node) => {
      const files = Object.values(units).map(dropIn);
      await hosts.rootShell(node, `rm -f ${files.join(" ")}; systemctl daemon-reload`);
      await hosts.asRoot(node, "converge", { node: its(node) });
    },
    applied: async (node) => (await hosts.ask<NodeFacts>(node, { want: "facts", node: node.name })).applied,
    apply: async (spec) => void (await hosts.asRoot(spec.node, "apply", { spec })),
    handOver: async () => {
      if (!(await failoverOnHost(hosts, undefined))) throw new Error("it was refused, see above");
    },
    roll: async (nodes) => {
      if (!(await rollOnHosts(hosts, nodes))) throw new Error("it was refused, see above");
    },
  };
}
