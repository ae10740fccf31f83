import path from "node:path";
import { applySpec } from "../agent/apply.ts";
import { appliedSpec, type NodeFolder, nodeFolder, stateFolder } from "../agent/node-folder.ts";
import { type ClusterContext, failover, roll } from "../agent/operations.ts";
import { isAlive, type ProcessRecord, readRecord } from "../agent/processes.ts";
import type { ProcessName } from "./fault.ts";
import type { NodeProcess, Site } from "./site.ts";

/** The nodes of this computer. */
export function localSite(context: ClusterContext): Site {
  const { root, environment, report } = context;
  const folderOf = ({ name }: { name: string }): NodeFolder => nodeFolder(stateFolder(root), environment, name);
  const recordOf = (node: { name: string }, name: ProcessName): ProcessRecord | undefined => {
    const record = readRecord(path.join(folderOf(node).run, `${name}.json`));
    return record && isAlive(record) ? record : undefined;
  };
  return {
    process: (node, name) => {
      const record = recordOf(node, name);
      return Promise.resolve(record && processOf(record));
    },
    halt: (nodes, names) => {
      // All are looked up before the first is killed, and the agents go first: none may start what was just killed.
      const order = [...names].sort((a, b) => Number(b === "agent") - Number(a === "agent"));
      const all = order.flatMap((name) => nodes.flatMap((node) => recordOf(node, name) ?? []));
      for (const record of all) send("SIGKILL", record);
      return Promise.resolve();
    },
    start: async (node) => {
      const spec = appliedSpec(folderOf(node));
      if (spec) await applySpec(spec, folderOf(node), { report });
    },
    applied: (node) => Promise.resolve(appliedSpec(folderOf(node))),
    apply: async (spec) => {
      const done = await applySpec(spec, folderOf(spec.node), { report });
      if (done.length > 0) report(`${spec.node.name}: ${done.join(", ")}`);
    },
    handOver: async () => void (await failover(context, {})),
    roll: async (nodes) => void (await roll(context, nodes ? { nodes } : {})),
  };
}

const processOf = (record: ProcessRecord): NodeProcess => ({
  pid: record.pid,
  alive: () => Promise.resolve(isAlive(record)),
  send: (signal) => Promise.resolve(send(signal, record)),
});

function send(signal: NodeJS.Signals, record: ProcessRecord): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
