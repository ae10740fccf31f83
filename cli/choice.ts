import { projectRoot, stateFolder } from "../agent/node-folder.ts";
import { speakAsAny } from "../agent/secrets.ts";
import { type Hosts, hostsOf } from "../remote/hosts.ts";
import { type Chosen, chooseEnvironment, readInventory, UsageError } from "./environment-choice.ts";
import { progress } from "./output.ts";

/** Options that every command has. */
export interface CommonOptions {
  env?: string;
  json?: boolean;
}

/** What a command is about. */
export interface Choice {
  readonly chosen: Chosen;
  /** The checkout; on a host, the folder of its nodes. */
  readonly root: string;
  /** Where the nodes are, if not on this computer. */
  readonly hosts: Hosts | undefined;
}
export type Choose = (options: CommonOptions) => Choice;

/** @throws UsageError outside of one */
export function checkout(): string {
  try {
    return projectRoot();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError when that environment is not known */
export function choose(options: CommonOptions): Choice {
  const root = checkout();
  const chosen = chooseEnvironment(readInventory(root), options.env);
  speakAsOperator(chosen, root);
  return { chosen, root, hosts: hostsOf(chosen, root, progress) };
}

/** From now on this process may ask the nodes of this computer everything. Hosts have their own secrets, and are asked there. */
export function speakAsOperator({ environment, inventory }: Chosen, root: string): void {
  if (inventory.target === "local") speakAsAny(stateFolder(root), environment, inventory.nodes);
}

/** @throws UsageError for a node that the environment does not have */
export function knownNodes({ environment, inventory }: Chosen, nodes: readonly string[]): void {
  const known = inventory.nodes.map(({ name }) => name);
  const unknown = nodes.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`${environment} has no node "${unknown}"; it has: ${known.join(", ")}`);
}
