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

/** Retires a node on its host. */
export async function retireOverSsh(
  node: { environment: string; node: string; address: string },
  reach: Reach,
  root: string,
): Promise<void> {
  const remote = new RemoteHost(node.node, new Ssh(node.address, reach, root), print);
  await remote.prepare();
  await remote.step("retire --here", JSON.stringify({ node, override: overridden() } satisfies HostInput));
}

/**
 * May the first node start as an empty master? Only when all data nodes' hosts answer and none of them has had data: one
 * that does not answer may have all of it.
 */
async function groupIsNew(spec: NodeSpec, reach: Reach, root: string): Promise<boolean> {
  if (spec.seed !== spec.node.name) return false;
  const sudo = reach.user === "root" ? "" : "sudo -n ";
  const hasHadData = async ({ name, address }: TopologyNode): Promise<boolean> => {
    const file = `${HOST_STATE}/${spec.environment}/${name}/initialised`;
    const ssh = new Ssh(address, reach, root);
    const { stdout } = await ssh.run(`${sudo}test -e ${file} && echo yes || echo no`, { timeoutMs: ASK_TIMEOUT_MS });
    return stdout.trim() !== "no";
  };
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
