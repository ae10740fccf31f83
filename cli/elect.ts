import { createInterface } from "node:readline/promises";
import Table from "cli-table3";
import { advice, type DataEvidence } from "../agent/repair/data-evidence.ts";
import { elect as electNode, electEvidence, refuseIfDecided } from "../agent/repair/elect.ts";
import { electEvidenceOnHosts, electOnHosts } from "../remote/elect.ts";
import type { Hosts } from "../remote/hosts.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";
import { repairText } from "./repair.ts";

/** What `redis-ha elect --json` prints: a contract, described in docs/json.md. */
export interface ElectDocument {
  readonly version: 1;
  readonly environment: string;
  /** What there was to decide by. */
  readonly nodes: readonly DataEvidence[];
  readonly advice: string;
  /** The node that was made master; null = nothing was changed. */
  readonly elected: string | null;
  readonly done: readonly string[];
  readonly left: readonly string[];
}

export interface ElectOptions {
  readonly root: string;
  /** @default - the nodes are on this computer */
  readonly hosts?: Hosts | undefined;
  readonly json: boolean;
  /** @default - only show what there is to decide by */
  readonly node?: string;
  /** Do not ask. */
  readonly yes: boolean;
}

/** @returns 0 when the table was all that was asked for, or the node is master and nothing is left to be mended */
export async function elect({ environment, inventory }: Chosen, options: ElectOptions): Promise<number> {
  const { root, hosts, json, node, yes } = options;
  const context = { environment, inventory, root, report: progress };
  const { nodes, master } = hosts ? await electEvidenceOnHosts(hosts) : await electEvidence(context);
  const how = master
    ? `${master} is master, and the Sentinels name it: there is nothing to decide.`
    : advice(nodes, environment);
  const shown = { version: 1, environment, nodes, advice: how } as const;
  if (!json) print(`${table(nodes)}\n${how}`);
  if (node === undefined) {
    if (json) printJson({ ...shown, elected: null, done: [], left: [] } satisfies ElectDocument);
    else if (!master) print(`Then: npx redis-ha elect NODE --env ${environment}`);
    return 0;
  }
  refuseIfDecided(master, node);
  if (!yes && !(await confirmed(node))) {
    progress("nothing was changed");
    return 1;
  }
  const { done, left } = hosts ? await electOnHosts(hosts, node, progress) : await electNode(context, { node });
  if (json) printJson({ ...shown, elected: node, done, left } satisfies ElectDocument);
  else print(repairText({ environment, done, left }));
  return left.length === 0 ? 0 : 1;
}

/** @throws UsageError when nobody can be asked */
async function confirmed(node: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`nobody can be asked here; to make ${node} master, add --yes`);
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (
      (await ask.question(`Make ${node} master? The other nodes take its data. Type the word yes: `)).trim() === "yes"
    );
  } finally {
    ask.close();
  }
}

function table(nodes: readonly DataEvidence[]): string {
  const head = ["node", "role", "follows", "history", "offset", "keys", "data", "in step until", "answers"];
  const lines = new Table({ head: head.map(colours.bold), style: { head: [], border: [], compact: true } });
  for (const each of nodes) {
    lines.push([
      each.node,
      each.role === null ? "-" : each.answers ? each.role : `${each.role} (when it went down)`,
      each.follows ?? "-",
      each.replicationId?.slice(0, 8) ?? "-",
      `${each.offset ?? "-"}`,
      `${each.keys ?? "-"}`,
      each.hasData ? "there" : colours.red("none"),
      each.inStepUntil?.replace(/\.\d+Z$/, "Z") ?? "-",
      each.answers ? "yes" : each.waits ? colours.yellow("waits") : colours.red("no"),
    ]);
  }
  const waiting = nodes.flatMap(({ node, error }) => (error === null ? [] : [`${node}: ${error}`]));
  return [lines.toString(), ...waiting].join("\n");
}
