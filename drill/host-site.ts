import path from "node:path";
import { type NodeFacts } from "../cluster/evidence.ts";
import type { Hosts } from "../remote/hosts.ts";
import { failoverOnHost, rollOnHosts } from "../remote/operations.ts";
import { serverNames } from "../agent/server.ts";
import { drillDropIn, unitNames } from "../topology/host-places.ts";
import type { TopologyNode } from "../topology/topology.ts";
import type { ProcessName } from "./fault.ts";
import type { Site } from "./site.ts";

/** The nodes of hosts. What is done there is done by their root, over ssh. */
export function hostSite(hosts: Hosts): Site {
  const { environment } = hosts.chosen;
  const units = unitNames(environment);
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
      // A witness has no redis-server.
      const ours = (node: TopologyNode): string[] =>
        names.filter((name) => name === "agent" || serverNames(node).includes(name)).map((name) => units[name]);
      const keepDown = (unit: string): string =>
        `mkdir -p ${path.posix.dirname(drillDropIn(unit))}; printf "[Service]\\nRestart=no\\n" >${drillDropIn(unit)}`;
      const all = (script: (node: TopologyNode) => string): Promise<void> => onEach(hosts, nodes, script);
      await all((node) => `${ours(node).map(keepDown).join("; ")}; systemctl daemon-reload`);
      await all((node) => `systemctl kill --kill-whom=main --signal=KILL ${ours(node).join(" ")}`);
    },
    start: async (node) => {
      await hosts.again(node, "converge");
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

/** All at once, and all to their end. @throws with what went wrong on any of them */
async function onEach(
  hosts: Hosts,
  nodes: readonly TopologyNode[],
  script: (node: TopologyNode) => string,
): Promise<void> {
  const ended = await Promise.allSettled(nodes.map((node) => hosts.rootShell(node, script(node))));
  const failed = ended.flatMap((each) => (each.status === "rejected" ? [(each.reason as Error).message] : []));
  if (failed.length > 0) throw new Error(failed.join("; "));
}
