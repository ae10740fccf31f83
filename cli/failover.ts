import { failover as handOver, roll as rollAll } from "../agent/operations.ts";
import type { ClusterContext } from "../agent/operations.ts";
import type { Hosts } from "../remote/hosts.ts";
import { failoverOnHost, rollOnHosts } from "../remote/operations.ts";
import { rebootHosts } from "../remote/reboot.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha failover --json` prints: a contract, described in docs/json.md. */
export interface FailoverDocument {
  readonly version: 1;
  readonly environment: string;
  readonly from: string;
  readonly to: string;
  readonly grade: "fast" | "slow";
  readonly writeGapMs: number;
}

interface Options {
  readonly root: string;
  /** @default - the nodes are on this computer */
  readonly hosts?: Hosts | undefined;
  readonly json: boolean;
}

/** @returns 0 when another node is master now, or the wanted one was already */
export async function failover(
  { environment, inventory }: Chosen,
  options: Options & { to?: string },
): Promise<number> {
  const { root, hosts, json, to } = options;
  const context = { environment, inventory, root, report: progress };
  const document = hosts ? await failoverOnHost<FailoverDocument>(hosts, to) : await failoverHere(context, to);
  if (!document) return 1;
  const { from, to: master } = document;
  if (json) printJson(document);
  else if (from === master) print(`${master} is master already: nothing to do`);
  else print(colours.green(`${master} is master, ${from} follows it; writes waited ${document.writeGapMs} ms`));
  return 0;
}

async function failoverHere(context: ClusterContext, to: string | undefined): Promise<FailoverDocument> {
  const done = await handOver(context, to === undefined ? {} : { to });
  return { version: 1, environment: context.environment, ...done, writeGapMs: Math.round(done.writeGapMs) };
}

/** What `redis-ha roll --json` prints: a contract, described in docs/json.md. */
export interface RollDocument {
  readonly version: 1;
  readonly environment: string;
  readonly done: readonly string[];
}

/** @returns 0 when every server was restarted and is in step again */
export async function roll(
  { environment, inventory }: Chosen,
  options: Options & { nodes?: string[]; reboot?: boolean },
): Promise<number> {
  const { root, hosts, json, nodes, reboot = false } = options;
  if (reboot && !hosts) throw new UsageError(`--reboot: the nodes of ${environment} run on this computer`);
  const context = { environment, inventory, root, report: progress };
  const done = !hosts
    ? await rollAll(context, nodes === undefined ? {} : { nodes })
    : reboot
      ? await rebootHosts(hosts, nodes, progress)
      : await rollOnHosts(hosts, nodes);
  if (!done) return 1;
  const document: RollDocument = { version: 1, environment, done };
  if (json) printJson(document);
  else
    print(
      colours.green(`${environment}: every ${reboot ? "host was rebooted" : "server was restarted"}, one at a time`),
    );
  return 0;
}
