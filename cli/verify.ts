import { lookAt } from "../cluster/look.ts";
import { type CheckId, checkTitles, type Finding, finding, holds } from "../cluster/verify.ts";
import type { Hosts } from "../remote/hosts.ts";
import { onHost } from "../topology/host-places.ts";
import type { Chosen } from "./environment-choice.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha verify --json` prints: a contract, described in docs/json.md. */
export interface VerifyDocument {
  readonly version: 1;
  readonly environment: string;
  readonly holds: boolean;
  readonly checks: readonly Finding[];
}

export interface VerifyOptions {
  readonly root: string;
  /** @default - the nodes are on this computer */
  readonly hosts?: Hosts | undefined;
  readonly json: boolean;
  /** Look again until everything holds, at most this long. */
  readonly waitSeconds: number;
}

/** @returns 0 when every check holds, else 1 */
export async function verify(chosen: Chosen, { root, hosts, json, waitSeconds }: VerifyOptions): Promise<number> {
  let told = "";
  const onWaiting = (open: readonly Finding[]): void => {
    const waiting = `waiting, ${open.length} ${open.length === 1 ? "check does" : "checks do"} not hold: ${open[0]?.message}`;
    if (waiting !== told) progress(waiting);
    told = waiting;
  };
  const findings = await lookAt({ ...chosen, root, hosts, waitMs: waitSeconds * 1000, onWaiting });
  findings.push(...(await clientsFindings(chosen, root, hosts)));
  const document: VerifyDocument = {
    version: 1,
    environment: chosen.environment,
    holds: holds(findings),
    checks: findings,
  };
  if (json) printJson(document);
  else print(verifyText(document));
  return document.holds ? 0 : 1;
}

/** What clients show lies in the store, and no node knows it: there is nothing to wait for. */
async function clientsFindings(
  { environment, inventory }: Chosen,
  root: string,
  hosts: Hosts | undefined,
): Promise<Finding[]> {
  // On a host there is no store.
  if (inventory.clientCertificates !== true || (onHost(inventory) && !hosts)) return [];
  const { clientsCertificate } = await import("../secrets/clients-certificate.ts");
  const problem = await clientsCertificate({ environment, inventory }, root);
  const message = problem ?? "clients have a valid certificate to show";
  const remedy = `renew it, and give it to your clients (docs/security.md)`;
  return [finding("client-certificate", null, problem === undefined, message, remedy)];
}

/** One line a check; what does not hold, and hints, below it. */
export function verifyText(document: VerifyDocument): string {
  const lines = Object.entries(checkTitles).flatMap(([id, title]) => group(id as CheckId, title, document.checks));
  const wrong = document.checks.filter((each) => !each.holds);
  const verdict = document.holds
    ? colours.green(`${document.environment} holds: ${document.checks.length} checks`)
    : colours.red(`${document.environment} does not hold: ${wrong.length} of ${document.checks.length} checks`);
  // The checks stand in the order in which they hang on each other: what is down explains most of what follows.
  const remedies = new Set(wrong.map(({ remedy }) => remedy));
  const first = remedies.size > 1 ? [`Begin with the first: ${wrong[0]?.remedy}`] : [];
  return [...lines, "", verdict, ...first].join("\n");
}

function group(id: CheckId, title: string, all: readonly Finding[]): string[] {
  const findings = all.filter((each) => each.id === id);
  if (findings.length === 0) return [];
  const wrong = findings.filter((each) => !each.holds);
  const hints = findings.filter((each) => each.holds && each.remedy !== null);
  const mark =
    wrong.length > 0 ? colours.red("not ok") : hints.length > 0 ? colours.yellow("hint  ") : colours.green("ok    ");
  const silent = wrong.length > 0 ? [] : notAsked(id, findings, all);
  const rest = silent.length > 0 ? `; ${silent.join(" and ")} could not be asked` : "";
  return [
    `${mark}  ${title}${rest} ${colours.dim(`(${id})`)}`,
    ...[...wrong, ...hints].map(({ message }) => `          ${message}`),
    ...new Set([...wrong, ...hints].map(({ remedy }) => `          ${colours.dim("->")} ${remedy}`)),
  ];
}

/** Nodes of which a check says nothing because their server or Sentinel is silent: "every" is not said of them. */
function notAsked(id: CheckId, findings: readonly Finding[], all: readonly Finding[]): string[] {
  if (findings.every(({ node }) => node === null)) return [];
  const reachable: CheckId = id.startsWith("sentinel") ? "sentinel-reachable" : "redis-reachable";
  const silent = all.filter((each) => each.id === reachable && !each.holds).map(({ node }) => node ?? "");
  return silent.filter((name) => !findings.some(({ node }) => node === name));
}
