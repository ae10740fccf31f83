import { spawn } from "node:child_process";
import { nodeFolder } from "../agent/node-folder.ts";
import { readShare } from "../agent/secrets.ts";
import { tlsPaths } from "../agent/server-secrets.ts";
import { redisEndpoint, sameEndpoint } from "../cluster/answers.ts";
import { viewFrom } from "../cluster/look.ts";
import { type ClusterView, lagBehind, summary } from "../cluster/view.ts";
import type { Hosts } from "../remote/hosts.ts";
import { HOST_STATE } from "../topology/host-places.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { type Chosen, UsageError } from "./environment-choice.ts";
import { progress } from "./output.ts";

/** Whom `redis-ha connect` finds, and redis-cli. Needs no store, so that hosts can do it. */

export const cliOf = ({ engine }: InventoryEnvironment): string => (engine === "valkey" ? "valkey-cli" : "redis-cli");

/**
 * `redis-ha connect` on a host: a prompt as the user admin, the only one that a node knows a password of with which people
 * have something to do.
 * @returns the exit code of redis-cli
 */
export async function connectOnHost(chosen: Chosen, args: string[], replica: boolean): Promise<number> {
  const { environment, inventory } = chosen;
  const folders = inventory.nodes.map(({ name }) => nodeFolder(HOST_STATE, environment, name));
  const found = folders
    .map((folder) => ({ folder, share: readShare(folder) }))
    .find(({ share }) => share !== undefined);
  if (!found?.share) throw new Error(`${environment}: the node of this host has no secrets yet`);
  const node = await findNode(chosen, undefined, replica);
  if (!node) return 1;
  const { address, port } = redisEndpoint(node);
  const { authority, certificate, key } = tlsPaths(found.folder);
  const tls = inventory.tls ? ["--tls", "--cacert", authority, "--cert", certificate, "--key", key] : [];
  const words = ["-h", address, "-p", `${port}`, "--user", "admin", ...tls, ...args];
  return execute(cliOf(inventory), words, found.share.passwords.admin);
}

/** The master, or a read replica. @returns undefined when there is none; that has been said then */
export async function findNode(
  chosen: Chosen,
  hosts: Hosts | undefined,
  replica: boolean,
): Promise<TopologyNode | undefined> {
  const view = await viewFrom(chosen, hosts);
  const { node, warning } = replica ? replicaOf(view) : masterOf(view);
  if (warning) progress(`redis-ha: warning: ${warning}`);
  if (!node) {
    progress(
      `redis-ha: no ${replica ? "replica" : "master"} to connect to. ${summary(view)}. What is wrong, and what mends it: ` +
        `npx redis-ha verify --env ${chosen.environment}`,
    );
  }
  return node;
}

interface Found {
  readonly node?: TopologyNode;
  readonly warning?: string;
}

/** Whom a Sentinel quorum names; without a quorum the only server that says that it is master, with a warning. */
function masterOf(view: ClusterView): Found {
  if (view.master) {
    const answer = view.nodes.find(({ node }) => node.name === view.master?.name)?.redis;
    const warning = answer?.state ? undefined : `${view.master.name} is named as master but does not answer`;
    return { node: view.master, warning };
  }
  const masters = view.nodes.filter(({ redis }) => redis?.state?.role === "master");
  const [only] = masters;
  if (masters.length !== 1 || !only) return {};
  return {
    node: only.node,
    warning: `no quorum of Sentinels names a master; ${only.node.name} is the only server that says that it is one`,
  };
}

/** The replica that is least behind, of those that are linked to the master. */
function replicaOf(view: ClusterView): Found {
  const master = masterOf(view).node;
  const masterState = view.nodes.find(({ node }) => node.name === master?.name)?.redis?.state;
  const candidates = view.nodes.flatMap(({ node, redis }) => {
    const state = redis?.state;
    if (state?.role !== "replica" || state.loading || state.syncing) return [];
    const linked = state.link === "up" && master !== undefined && sameEndpoint(state.master, redisEndpoint(master));
    return [{ node, linked, behind: lagBehind(masterState, state, node).bytes ?? 0 }];
  });
  const [linked] = candidates.filter((each) => each.linked).sort((a, b) => a.behind - b.behind);
  if (linked) return { node: linked.node };
  const [any] = candidates;
  if (!any) return {};
  return { node: any.node, warning: `${any.node.name} is not linked to the master: what it holds may be old` };
}

/** Runs redis-cli on this terminal. Ctrl-C belongs to redis-cli: the shell sends it to both, and we wait for it to end. */
export function execute(program: string, args: string[], password: string): Promise<number> {
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, REDISCLI_AUTH: password } });
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(
        missing ? new UsageError(`${program} is not installed; on Debian: apt-get install ${toolsOf(program)}`) : error,
      );
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  }).finally(() => process.off("SIGINT", ignore));
}

const toolsOf = (program: string): string => (program === "valkey-cli" ? "valkey-tools" : "redis-tools");
