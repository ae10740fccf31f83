import fs from "node:fs";
import path from "node:path";
import { askRedis, askSentinels, quorumMaster, redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { onHost } from "../topology/host-places.ts";
import { shareOfLocal } from "../secrets/share.ts";
import { applySpec, forgetGone as forgetGoneIn } from "./apply.ts";
import { follow } from "./follow.ts";
import { inFailover } from "./role.ts";
import { appliedSpec, type NodeFolder, nodeFolder, readIfThere, stateOf } from "./node-folder.ts";
import { applyCommands, NOTHING_TO_CHANGE, whyNotApplied } from "./not-applied.ts";

export interface ConvergeOptions {
  readonly environment: string;
  readonly inventory: InventoryEnvironment;
  /** The checkout. */
  readonly root: string;
  /** Only the nodes of this zone; what all nodes must agree on, such as who is gone, is mended everywhere. */
  readonly zone?: string;
  /** Terraform has just said that the nodes are there: one that was retired, or has lost its folder, is brought back. */
  readonly afterApply?: boolean;
  readonly report: (line: string) => void;
}

export interface ConvergeResult {
  readonly changed: boolean;
  /** What could not be mended; empty when all is as applied. */
  readonly problems: string[];
}

/**
 * Looks at every node and mends what Terraform cannot see: a dead process, an edited file, a setting that somebody
 * changed on the running server, a replica that follows the wrong master, a Sentinel that counts nodes that are gone.
 * Each node becomes what was applied last, not what was only synthesized.
 */
export async function convergeEnvironment(options: ConvergeOptions): Promise<ConvergeResult> {
  const { inventory, zone, report } = options;
  const problems: string[] = [];
  let changed = false;
  for (const { name, zone: itsZone } of inventory.nodes) {
    try {
      const ofZone = zone === undefined || itsZone === zone;
      const folder = folderOf(options, name);
      // On a host, the others' are on hosts of their own.
      if (inventory.target !== "local" && !fs.existsSync(folder.root)) continue;
      if (ofZone && !options.afterApply && fs.existsSync(folder.retired)) {
        report(`${name}: was retired; an apply brings it back`);
        continue;
      }
      const done = ofZone
        ? await applyAgain(specFor(options, name, folder), folder, options)
        : await forgetGone(folder, report);
      changed ||= done.length > 0;
      if (ofZone || done.length > 0) report(`${name}: ${done.length > 0 ? done.join(", ") : NOTHING_TO_CHANGE}`);
    } catch (error) {
      problems.push((error as Error).message);
      report((error as Error).message);
    }
  }
  const { done, failed } = await followNamedMaster(inventory);
  for (const line of [...done, ...failed]) report(line);
  return { changed: changed || done.length > 0, problems: [...problems, ...failed] };
}

/** On a host the node keeps the secrets that it has: whoever knows the others is not there. */
async function applyAgain(spec: NodeSpec, folder: NodeFolder, options: ConvergeOptions): Promise<string[]> {
  const { report, root } = options;
  return applySpec(spec, folder, {
    report,
    secrets: onHost(spec) ? undefined : await shareOfLocal(spec, options, root),
  });
}

/** What one zone's change asks of the nodes of the others. One that is not there yet has nothing to forget. */
async function forgetGone(folder: NodeFolder, report: (line: string) => void): Promise<string[]> {
  const applied = appliedSpec(folder);
  return applied ? forgetGoneIn(applied, folder, report) : [];
}

const folderOf = ({ root, environment, inventory }: ConvergeOptions, node: string): NodeFolder =>
  nodeFolder(stateOf(inventory, root), environment, node);

/** The spec that was applied last; the synthesized one when Terraform knows of a node and its folder does not. */
function specFor(options: ConvergeOptions, node: string, folder: NodeFolder): NodeSpec {
  const { environment, root, report } = options;
  const applied = appliedSpec(folder);
  if (applied) return applied;
  if (!options.afterApply) {
    throw new Error(
      `${node}: ${whyNotApplied(folder)}; to apply: ${applyCommands(environment, options.inventory.target)}`,
    );
  }
  const file = path.join(root, "cdktf.out", "specs", environment, `${node}.json`);
  const json = readIfThere(file);
  if (json === undefined) throw new Error(`${node}: neither applied nor synthesized; run npm run synth, then apply`);
  report(`${node}: Terraform has it, but ${folder.root} does not; using the synthesized spec`);
  return parseNodeSpec(json, file);
}

/** Re-points replicas that follow another node than the master which a quorum names and which says so itself. */
async function followNamedMaster(inventory: InventoryEnvironment): Promise<{ done: string[]; failed: string[] }> {
  const [redis, sentinels] = await Promise.all([
    askRedis(inventory.nodes),
    askSentinels(inventory.nodes, inventory.masterName),
  ]);
  const master = quorumMaster(sentinels, inventory.quorum, inventory.nodes);
  const confirmed = redis.some(({ node, state }) => node.name === master?.name && state?.role === "master");
  // During a failover the Sentinels still name the old master, and re-point the replicas themselves.
  if (!master || !confirmed || inFailover(sentinels)) return { done: [], failed: [] };
  const endpoint = redisEndpoint(master);
  const done: string[] = [];
  const failed: string[] = [];
  for (const { node, state } of redis) {
    if (state?.role !== "replica" || sameEndpoint(state.master, endpoint)) continue;
    await follow(node, master).then(
      () => done.push(`${node.name}: follows ${master.name} again`),
      (error: Error) => failed.push(`${node.name}: could not be made to follow ${master.name}: ${error.message}`),
    );
  }
  return { done, failed };
}
