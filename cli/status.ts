import Table from "cli-table3";
import { viewFrom } from "../cluster/look.ts";
import { type ClusterView, reason } from "../cluster/view.ts";
import type { Hosts } from "../remote/hosts.ts";
import type { UnderWay } from "../secrets/rotations.ts";
import type { Chosen } from "./environment-choice.ts";
import { expiry } from "./expiry.ts";
import { colours, print, printJson } from "./output.ts";
import { addressOf, statusDocument, type StatusDocument, type StatusNode } from "./status-document.ts";

export interface StatusOptions {
  readonly hosts?: Hosts | undefined;
  readonly json: boolean;
  /** What of the secrets is being replaced, for whoever has their store. */
  readonly rotations?: () => Promise<readonly UnderWay[]>;
}

/** @returns 0 when the cluster is healthy, else 1 */
export async function status(chosen: Chosen, { hosts, json, rotations }: StatusOptions): Promise<number> {
  // A store that does not answer keeps nobody from seeing the nodes.
  const waiting = rotations?.().catch(() => null) ?? null;
  const view = await viewFrom(chosen, hosts);
  const document = statusDocument(view, await waiting);
  if (json) printJson(document);
  else print(statusText(view, document));
  return document.healthy ? 0 : 1;
}

/** A sentence and a table for people. */
export function statusText(view: ClusterView, document: StatusDocument, now = new Date()): string {
  const tls = document.nodes.some(({ certificate }) => certificate !== null);
  const head = ["node", "zone", "role", "address", "pid", "offset", "lag", "link", "Sentinel names"];
  const table = new Table({
    head: [...head, ...(tls ? ["certificate"] : [])].map(colours.bold),
    style: { head: [], border: [], compact: true },
  });
  document.nodes.forEach((node, index) => {
    const { node: topologyNode } = view.nodes[index]!;
    table.push([
      node.name,
      node.zone,
      role(node, document),
      addressOf(topologyNode),
      `${(node.kind === "witness" ? node.sentinel?.pid : node.pid) ?? "-"}`,
      `${node.offset ?? "-"}`,
      lag(node),
      link(node),
      names(node, document),
      ...(tls ? [node.certificate ? expiry(now, node.certificate.validTo, "only-soon") : "-"] : []),
    ]);
  });
  const sentence = document.healthy ? colours.green(document.summary) : colours.red(document.summary);
  const next = document.healthy
    ? ""
    : `\nWhat is wrong, and what mends it: npx redis-ha verify --env ${document.environment}`;
  const rotations = (document.rotations ?? []).map((each) => `\n${rotationText(each, document.environment)}`);
  return `${document.environment} (${document.masterName}): ${sentence}\n${table.toString()}${next}${rotations.join("")}`;
}

function rotationText({ what, stage }: UnderWay, environment: string): string {
  const command = `npx redis-ha secrets rotate${what === "passwords" ? "" : ` ${what}`}`;
  if (stage === "begun") return `The ${what} are being replaced; to go on: ${command} --env ${environment}`;
  const both = what === "passwords" ? "The previous passwords are still right" : "Two authorities are believed";
  return `${both}; when your clients have the new: ${command} --finish --env ${environment}`;
}

function role({ kind, name, role: own, error }: StatusNode, { master }: StatusDocument): string {
  if (kind === "witness") return "witness";
  if (own === null) return colours.red(reason(error ?? undefined));
  if (own === "master") return name === master ? colours.bold("master") : colours.red("master!");
  return name === master ? colours.red("replica!") : "replica";
}

function lag({ lagBytes, lagSeconds }: StatusNode): string {
  if (lagBytes === null) return "-";
  return lagSeconds === null ? `${lagBytes} B` : `${lagBytes} B, ${lagSeconds} s`;
}

function link({ link: state, syncing, loading, masterNode }: StatusNode): string {
  if (loading) return colours.yellow("loading");
  if (syncing) return colours.yellow("full copy");
  if (state === null) return "-";
  return state === "up" ? `up to ${masterNode}` : colours.red(`down to ${masterNode}`);
}

function names({ sentinel }: StatusNode, { master }: StatusDocument): string {
  if (!sentinel) return "-";
  if (sentinel.names === null) return colours.red(reason(sentinel.error ?? undefined));
  const text = sentinel.flags === "master" ? sentinel.names : `${sentinel.names} (${sentinel.flags})`;
  return sentinel.names === master && sentinel.flags === "master" ? text : colours.red(text);
}
