import { execFileSync } from "node:child_process";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { folderHere, projectRoot, stateFolder } from "./node-folder.ts";
import { isListening } from "./ports.ts";
import { waitFor } from "./processes.ts";
import { speakAsAny } from "./secrets.ts";
import { Server, serverNames } from "./server.ts";
import { createFolders } from "./stage.ts";

/** A retire takes at most the stop of redis-server (10 s), a failover (4 s) and some reserve. */
const RETIRE_TIMEOUT_MS = 30_000;

/**
 * Finds out before anything is started whether this computer can run the node, and its peers.
 * @returns what is ready, in words
 */
export async function install(spec: NodeSpec): Promise<string[]> {
  const folder = folderHere(spec.environment, spec.node.name);
  const program = `${spec.engine}-server`;
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
  } catch {
    throw new Error(
      `${spec.node.name}: ${program} is not on PATH; install it (Debian, Ubuntu: sudo apt-get install ${program})`,
    );
  }
  createFolders(folder);
  await checkPorts(spec, spec.node.name);
  return [`ready in ${folder.root}`];
}

/**
 * Looks whether the ports of all nodes of the environment are free or ours. The peers' too: a Sentinel that runs takes
 * whoever listens there for a node of its cluster.
 * @param starting name of the node that is about to be started; its ports may still be those of one that is being retired
 * @throws when somebody else has one of them
 */
export async function checkPorts(spec: NodeSpec, starting?: string): Promise<void> {
  speakAsAny(stateFolder(projectRoot()), spec.environment, allNodes(spec));
  for (const node of allNodes(spec)) {
    for (const name of serverNames(node)) {
      const server = new Server(name, { ...spec, node }, folderHere(spec.environment, node.name), () => undefined);
      await untilFree(server, node.name === starting);
    }
  }
}

/**
 * @param wait a node that takes over the port of another one of this checkout (renamed, or moved to another zone) comes
 * up while that one is still being retired: Terraform does both at once
 * @throws when somebody else has the port
 */
async function untilFree(server: Server, wait: boolean): Promise<void> {
  const free = async (): Promise<true | undefined> => ((await isListening(server.endpoint)) ? undefined : true);
  if (await free()) return;
  if (await server.find()) return;
  const ours = (await server.info())?.["config_file"]?.startsWith(`${stateFolder(projectRoot())}/`) ?? false;
  if (ours && !wait) return;
  const freed = await waitFor("the port is free", free, ours ? RETIRE_TIMEOUT_MS : 0, 100).catch(() => undefined);
  if (!freed) throw new Error(`${server.spec.node.name}: ${await server.cannotListen()}`);
}
