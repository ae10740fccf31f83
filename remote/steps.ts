import { isDeepStrictEqual } from "node:util";
import { overridden } from "../agent/override.ts";
import { HOST_STATE, unitNames } from "../topology/host-places.ts";
import { initSecrets } from "../secrets/init.ts";
import {
  expectData,
  forgetRetired,
  groupHasBegun,
  isMark,
  isNewGroup,
  noteNewGroup,
  noteRetired,
  retiredNodes,
} from "../secrets/group-marks.ts";
import { nodeSecrets } from "../secrets/node-secrets.ts";
import { openStore } from "../secrets/open-store.ts";
import type { SecretStore } from "../secrets/store.ts";
import type { NodeSecrets } from "../topology/node-secrets.ts";
import type { NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { RemoteHost } from "./deliver.ts";
import { confirmDown } from "./confirm-down.ts";
import { untilLetIn } from "./machine.ts";
import type { Described } from "./request.ts";
import type { Reach } from "./reach.ts";
import { Ssh, TimedOut } from "./ssh.ts";
import { Unreached } from "./unreached.ts";

/** What a step on a host gets as its input: nothing of it stands in a command line. */
export interface HostInput {
  readonly spec?: NodeSpec;
  readonly node?: { readonly environment: string; readonly node: string; readonly address: string };
  /** The node's share of the secrets: in nothing but this input, which is neither kept nor shown. */
  readonly secrets?: NodeSecrets;
  /** No data node of the group has had data. */
  readonly bootstrap?: boolean;
  /** The operator insists. */
  readonly override?: boolean;
  /** Nodes that were retired before. */
  readonly retired?: readonly string[];
  /** The data volume of the machine, where it has one of its own: its id. */
  readonly volume?: string | undefined;
}

const ASK_TIMEOUT_MS = 30_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Installs or applies a node on its host.
 * @param from the environment as it was synthesized
 * @param root the checkout
 * @param volume id of the data volume that its machine has @default - none of its own
 * @throws with what is wrong, and what to do
 */
export async function applyOverSsh(
  step: "install" | "apply",
  spec: NodeSpec,
  reach: Reach,
  from: Described,
  root: string,
  volume?: string,
): Promise<void> {
  const ssh = new Ssh(spec.node.address, reach, root);
  const remote = new RemoteHost(spec.node.name, ssh, print);
  // Only machines that were made for their node say their keys, and this one may boot for the first time.
  if (step === "install" && reach.hostKeys) await untilLetIn(spec.node.name, ssh, print);
  // Before anything of the host is touched.
  const share = step === "apply" ? { secrets: await shareOfHost(from, spec.node, root) } : {};
  await remote.prepare();
  const input: HostInput = { spec, override: overridden(), volume };
  if (step === "install") {
    await remote.step("install --here", JSON.stringify(input));
    if (reach.hostKeys) {
      const store = await openStore(from, root);
      // Its volume is there, so this is so, whatever became of what was noted before it was made.
      await expectData(store, spec.node.name);
      await forgetRetired(store, spec.node.name);
    }
    return;
  }
  await begin(spec, reach, from, root, (bootstrap) =>
    remote.step("apply --here", JSON.stringify({ ...input, ...share, bootstrap } satisfies HostInput)),
  );
}

/**
 * Applies a node, which may begin as an empty master if it is the first one of a group that never had data.
 * @param apply told whether it may
 */
export async function begin<T>(
  spec: NodeSpec,
  reach: Reach,
  from: Described,
  root: string,
  apply: (bootstrap: boolean) => Promise<T>,
): Promise<T> {
  const store = await openStore(from, root);
  const bootstrap = await groupIsNew(spec, reach, root, store);
  const done = await apply(bootstrap);
  if (bootstrap && spec.seed === spec.node.name) await groupHasBegun(store);
  return done;
}

/**
 * What a node on a host gets of the secrets; they are made if there are none.
 * @param from the environment as it was synthesized
 * @param root the checkout
 */
export async function shareOfHost(from: Described, node: TopologyNode, root: string): Promise<NodeSecrets> {
  return nodeSecrets(await storeOfHosts(from, root), from.environment, node, from.inventory.tls);
}

/**
 * The store of an environment on hosts, with what is missing in it made. The first secrets of all are made only when no host
 * says that it has been given others: this computer may not be the one that knows them.
 * @throws when a host has
 */
async function storeOfHosts({ environment, inventory }: Described, root: string): Promise<SecretStore> {
  const store = await openStore({ environment, inventory }, root);
  const { reach } = inventory;
  if (reach && (await store.list()).every(isMark)) {
    const given = await Promise.all(
      inventory.nodes.map(({ name, address }) =>
        // All have the same ones: of those that are silent, others know.
        isThere(address, `${HOST_STATE}/${environment}/${name}/secrets/secrets.json`, reach, root).catch(() => false),
      ),
    );
    const has = inventory.nodes.find((_, index) => given[index]);
    if (has) {
      throw new Error(
        `${environment}: ${has.name} has been given secrets, and there are none in ${store.describe()}: another computer has ` +
          `made them. Bring that computer's here (docs/security.md), and apply again`,
      );
    }
  }
  await noteNewGroup(store);
  await initSecrets(store, inventory);
  return store;
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
  let way: Reach;
  let remote: RemoteHost;
  try {
    [way, remote] = await reached(node, waysTo(reach, from), root);
  } catch (error) {
    if (!(error instanceof Unreached) || !from) throw error;
    print(`${node.node}: ${error.message}`);
    print(`${node.node}: retired without its host: ${await confirmDown(node, from, root)}. ${ifItComesBack(node)}`);
    return note(node, from, reach, root);
  }
  const retired = from ? await retiredBefore(node, from, way, root) : [];
  await remote.step("retire --here", JSON.stringify({ node, override: overridden(), retired } satisfies HostInput));
  if (from) await note(node, from, reach, root);
}

/** What a node was applied with may lead nowhere any more, when the description has another way by now. */
function waysTo(applied: Reach, from: Described | undefined): [Reach, Reach?] {
  const described = from?.inventory.reach;
  return described === undefined || isDeepStrictEqual(described, applied) ? [applied] : [applied, described];
}

/** The host by the first of the ways that leads there. @throws Unreached, with what the last one ended in */
async function reached(
  { node, address }: { node: string; address: string },
  [way, other]: readonly [Reach, Reach?],
  root: string,
): Promise<[Reach, RemoteHost]> {
  const remote = new RemoteHost(node, new Ssh(address, way, root), print);
  try {
    await remote.prepare({ space: false });
    return [way, remote];
  } catch (error) {
    if (!(error instanceof Unreached || error instanceof TimedOut) || !other) throw error;
    print(error.message);
    print(`${node}: trying the way that is described now`);
    return reached({ node, address }, [other], root);
  }
}

/** A machine that was made for its node goes with it, and cannot be asked any more. */
async function retiredBefore(
  node: { environment: string; node: string },
  from: Described,
  reach: Reach,
  root: string,
): Promise<string[]> {
  if (reach.hostKeys) return retiredNodes(await openStore(from, root));
  const isRetired = ({ name, address }: TopologyNode): Promise<boolean> =>
    isThere(address, `${HOST_STATE}/${node.environment}/${name}/retired.json`, reach, root).catch(() => false);
  const asked = from.inventory.nodes.filter(({ name }) => name !== node.node);
  const answers = await Promise.all(asked.map(isRetired));
  return asked.filter((_, index) => answers[index]).map(({ name }) => name);
}

/** For the retires after this one: those of the other nodes, when all is destroyed. */
async function note({ node }: { node: string }, from: Described, reach: Reach, root: string): Promise<void> {
  if (!reach.hostKeys || !from.inventory.nodes.some(({ name }) => name === node)) return;
  await noteRetired(await openStore(from, root), node);
}

function ifItComesBack({ environment }: { environment: string }): string {
  const { redis, sentinel, agent } = unitNames(environment);
  return (
    `Its data stays on it. Should it come back with this address, end it there: ` +
    `systemctl disable --now ${redis} ${sentinel} ${agent}`
  );
}

/** Is a machine's data volume where its nodes are? @throws when that cannot be told */
async function hasVolume(address: string, reach: Reach, root: string): Promise<boolean> {
  const ssh = new Ssh(address, reach, root);
  const { code } = await ssh.run(`mountpoint --quiet ${HOST_STATE}`, { timeoutMs: ASK_TIMEOUT_MS });
  return code === 0;
}

/** Is a file of the nodes' folders there? @throws when that cannot be told */
export async function isThere(address: string, file: string, reach: Reach, root: string): Promise<boolean> {
  const ssh = new Ssh(address, reach, root);
  const { stdout, stderr } = await ssh.run(`${ssh.sudo}sh -c 'test -e ${file} && echo yes || echo no'`, {
    timeoutMs: ASK_TIMEOUT_MS,
  });
  const answer = stdout.trim();
  if (answer !== "yes" && answer !== "no") throw new Error(`${ssh.name}: it could not be looked at: ${stderr.trim()}`);
  return answer === "yes";
}

/**
 * May the first node start as an empty master? Only when none of the data nodes' hosts has had data. One that does not answer may
 * have all of it, unless it is known that no master has ever begun: machines that are made one zone after the other are not there
 * yet. A witness that comes before all of them must know, too.
 */
async function groupIsNew(spec: NodeSpec, reach: Reach, root: string, store: SecretStore): Promise<boolean> {
  if (spec.seed !== spec.node.name && spec.node.redisPort !== undefined) return false;
  const hasHadData = async ({ name, address }: TopologyNode): Promise<boolean> => {
    const had = await isThere(address, `${HOST_STATE}/${spec.environment}/${name}/initialised`, reach, root);
    // A machine that does not have its volume yet knows nothing of what is on it.
    if (!had && reach.hostKeys && !(await hasVolume(address, reach, root)))
      throw new Error(`its data volume is not mounted`);
    return had;
  };
  const neverBegan = await isNewGroup(store);
  if (await hasHadData(spec.node)) {
    // An apply that was killed right after it.
    if (neverBegan) await groupHasBegun(store);
    return false;
  }
  const others = spec.peers.filter(({ redisPort }) => redisPort !== undefined);
  const had = await Promise.all(
    others.map((peer) =>
      hasHadData(peer).catch((error: Error) => {
        if (neverBegan) return false;
        print(`${spec.node.name}: ${peer.name} may have data: ${error.message}`);
        return true;
      }),
    ),
  );
  // The mark is wrong where somebody has attached a volume by hand.
  if (neverBegan && had.includes(true)) await groupHasBegun(store);
  return !had.includes(true);
}
