import { overridden } from "../agent/gate.ts";
import { HOST_STATE } from "../topology/host-places.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { RemoteHost } from "./deliver.ts";
import { type Reach, Ssh } from "./ssh.ts";

/** What a step on a host gets as its input: nothing of it stands in a command line. */
export interface HostInput {
  readonly spec?: NodeSpec;
  readonly node?: { readonly environment: string; readonly node: string };
  /** No data node of the group has had data. */
  readonly bootstrap?: boolean;
  /** The operator insists. */
  readonly override?: boolean;
  /** Nodes that were retired before. */
  readonly retired?: readonly string[];
}

const ASK_TIMEOUT_MS = 30_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Installs or applies a node on its host.
 * @param root the checkout
 * @throws with what is wrong, and what to do
 */
export async function applyOverSsh(
  step: "install" | "apply",
  spec: NodeSpec,
  reach: Reach,
  root: string,
): Promise<void> {
  const remote = new RemoteHost(spec.node.name, new Ssh(spec.node.address, reach, root), print);
  await remote.prepare();
  const bootstrap = step === "apply" && (await groupIsNew(spec, reach, root));
  await remote.step(`${step} --here`, JSON.stringify({ spec, bootstrap, override: overridden() } satisfies HostInput));
}

/**
 * Retires a node on its host.
 * @param others the nodes that the environment has still: those of them that were retired before are not waited for
 */
export async function retireOverSsh(
  node: { environment: string; node: string; address: string },
  others: readonly TopologyNode[],
  reach: Reach,
  root: string,
): Promise<void> {
  const remote = new RemoteHost(node.node, new Ssh(node.address, reach, root), print);
  await remote.prepare({ space: false });
  const isRetired = ({ name, address }: TopologyNode): Promise<boolean> =>
    isThere(address, `${HOST_STATE}/${node.environment}/${name}/retired.json`, reach, root).catch(() => false);
  const asked = others.filter(({ name }) => name !== node.node);
  const answers = await Promise.all(asked.map(isRetired));
  const retired = asked.filter((_, index) => answers[index]).map(({ name }) => name);
  await remote.step("retire --here", JSON.stringify({ node, override: overridden(), retired } satisfies HostInput));
}

/** Is a file of the nodes' folders there? @throws when that cannot be told */
async function isThere(address: string, file: string, reach: Reach, root: string): Promise<boolean> {
  const ssh = new Ssh(address, reach, root);
  const sudo = reach.user === "root" ? "" : "sudo -n ";
  const { stdout, stderr } = await ssh.run(`${sudo}sh -c 'test -e ${file} && echo yes || echo no'`, {
    timeoutMs: ASK_TIMEOUT_MS,
  });
  const answer = stdout.trim();
  if (answer !== "yes" && answer !== "no") throw new Error(`${ssh.name}: it could not be looked at: ${stderr.trim()}`);
  return answer === "yes";
}

/**
 * May the first node start as an empty master? Only when all data nodes' hosts answer and none of them has had data: one
 * that does not answer may have all of it. A witness that comes before all of them must know, too.
 */
async function groupIsNew(spec: NodeSpec, reach: Reach, root: string): Promise<boolean> {
  if (spec.seed !== spec.node.name && spec.node.redisPort !== undefined) return false;
  const hasHadData = ({ name, address }: TopologyNode): Promise<boolean> =>
    isThere(address, `${HOST_STATE}/${spec.environment}/${name}/initialised`, reach, root);
  if (await hasHadData(spec.node)) return false;
  const others = spec.peers.filter(({ redisPort }) => redisPort !== undefined);
  const had = await Promise.all(
    others.map((peer) =>
      hasHadData(peer).catch((error: Error) => {
        print(`${spec.node.name}: ${peer.name} may have data: ${error.message}`);
        return true;
      }),
    ),
  );
  return !had.includes(true);
}
