import { overridden } from "../agent/gate.ts";
import { HOST_STATE, unitNames } from "../topology/host-places.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { RemoteHost } from "./deliver.ts";
import { confirmDown } from "./confirm-down.ts";
import type { Described } from "./request.ts";
import { type Reach, Ssh, Unreached } from "./ssh.ts";

/** What a step on a host gets as its input: nothing of it stands in a command line. */
export interface HostInput {
  readonly spec?: NodeSpec;
  readonly node?: { readonly environment: string; readonly node: string; readonly address: string };
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
 * Retires a node on its host. One that is dead is retired without it, when its Sentinels say so: it must not block an
 * apply for good.
 * @param from the environment as it was synthesized, if it is there still: who was retired before is not waited for
 */
export async function retireOverSsh(
  node: { environment: string; node: string; address: string },
  from: Described | undefined,
  reach: Reach,
  root: string,
): Promise<void> {
  const remote = new RemoteHost(node.node, new Ssh(node.address, reach, root), print);
  try {
    await remote.prepare({ space: false });
  } catch (error) {
    if (!(error instanceof Unreached) || !from) throw error;
    print(`${node.node}: ${error.message}`);
    print(`${node.node}: retired without its host: ${await confirmDown(node, from, root)}. ${ifItComesBack(node)}`);
    return;
  }
  const isRetired = ({ name, address }: TopologyNode): Promise<boolean> =>
    isThere(address, `${HOST_STATE}/${node.environment}/${name}/retired.json`, reach, root).catch(() => false);
  const asked = (from?.inventory.nodes ?? []).filter(({ name }) => name !== node.node);
  const answers = await Promise.all(asked.map(isRetired));
  const retired = asked.filter((_, index) => answers[index]).map(({ name }) => name);
  await remote.step("retire --here", JSON.stringify({ node, override: overridden(), retired } satisfies HostInput));
}

function ifItComesBack({ environment }: { environment: string }): string {
  const { redis, sentinel, agent } = unitNames(environment);
  return (
    `Its data stays on it. Should it come back with this address, end it there: ` +
    `systemctl disable --now ${redis} ${sentinel} ${agent}`
  );
}

/** Is a file of the nodes' folders there? @throws when that cannot be told */
async function isThere(address: string, file: string, reach: Reach, root: string): Promise<boolean> {
  const ssh = new Ssh(address, reach, root);
  const { stdout, stderr } = await ssh.run(`${ssh.sudo}sh -c 'test -e ${file} && echo yes || echo no'`, {
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
