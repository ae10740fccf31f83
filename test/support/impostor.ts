import { type ChildProcess, spawn } from "node:child_process";
import { writeServerSecrets } from "../../agent/server-secrets.ts";
import { stageSecrets } from "../../agent/secrets.ts";
import { seedSentinelState } from "../../agent/sentinel-state.ts";
import { createFolders, stageFiles } from "../../agent/stage.ts";
import { waitFor } from "../../agent/processes.ts";
import { writeAtomically } from "../../agent/node-folder.ts";
import { isListening } from "../../agent/ports.ts";
import { redisEndpoint, sentinelEndpoint } from "../../cluster/answers.ts";
import { FileStore } from "../../secrets/file-store.ts";
import { nodeSecrets } from "../../secrets/node-secrets.ts";
import { allNodes, type NodeSpec } from "../../topology/node-spec.ts";
import type { Checkout } from "./checkout.ts";

/** Higher than any that a cluster of a test comes to: whoever believes it, obeys. */
const LATER_EPOCH = 999;

/**
 * A node's two servers with the ports, files, master's name and Sentinel's id that they have in the real cluster, and another
 * checkout's secrets: an empty master, and a Sentinel that takes it for the newest one and the other nodes for its replicas.
 * @returns how to end them
 */
export async function startImpostor(checkout: Checkout, spec: NodeSpec): Promise<() => Promise<void>> {
  const { environment, node } = spec;
  const folder = checkout.folder(environment, node.name);
  createFolders(folder);
  stageSecrets(
    folder,
    await nodeSecrets(new FileStore(checkout.store(environment)), environment, node, spec.tls === true),
  );
  stageFiles(spec, folder);
  writeAtomically(folder.runtimeConf, "");
  writeAtomically(folder.sentinelState, seedSentinelState(spec, redisEndpoint(node), LATER_EPOCH, allNodes(spec)));
  const children: ChildProcess[] = [];
  for (const [server, file, further] of [
    ["redis", folder.runtimeConf, ["--dir", folder.redisData]],
    ["sentinel", folder.sentinelState, ["--sentinel", "--dir", folder.sentinelData]],
  ] as const) {
    await writeServerSecrets(server, spec, folder);
    const rendered = server === "redis" ? folder.redisConf : folder.sentinelConf;
    const conf = `${folder.root}/secrets/${server}.conf`;
    const log = `${folder.logs}/${server}.log`;
    const args = [file, ...further, "--include", rendered, "--include", conf, "--logfile", log];
    children.push(spawn(`${spec.engine}-server`, args, { stdio: "ignore" }));
  }
  const stop = async (): Promise<void> => {
    await Promise.all(
      children.map(async (child) => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        if (child.exitCode === null && child.kill("SIGKILL")) await ended;
      }),
    );
  };
  try {
    const listening = async (): Promise<true | undefined> =>
      ((await isListening(redisEndpoint(node))) && (await isListening(sentinelEndpoint(node)))) || undefined;
    await waitFor(`the impostor of ${node.name} listens`, listening, 10_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
