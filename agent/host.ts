import { execFileSync } from "node:child_process";
import path from "node:path";
import type { Inventory } from "../topology/inventory.ts";
import { allNodes, type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";
import { isListening } from "./ports.ts";
import { applySpec } from "./apply.ts";
import { createFolders } from "./stage.ts";
import type { TopologyNode } from "../topology/topology.ts";
import {
  appliedSpec,
  type NodeFolder,
  nodeFolder,
  nodeFolderAt,
  projectRoot,
  readIfThere,
  stateFolder,
} from "./node-folder.ts";
import { refuseToMoveSeveral } from "./relocate.ts";
import { stopNode } from "./operations.ts";
import { fenceArguments } from "./prestart.ts";
import { waitFor } from "./processes.ts";
import { Resident } from "./resident.ts";
import { retire } from "./retire.ts";
import { Server, serverNames } from "./server.ts";

const usage = `redis-ha host <step>: what a provisioner or a supervisor runs on a node. People use the other commands.

  install            check that the node can run here     (REDIS_HA_SPEC holds the node's spec as JSON)
  apply              make the node what its spec says      (REDIS_HA_SPEC)
  retire             stop the node for good, keep its data (REDIS_HA_NODE: {"environment", "node"})
  stop <node folder>  stop redis-server; its role as master is handed over first
  prestart <server> <node folder>   decide the role before redis or sentinel starts; prints further arguments for it
  run <node folder>  the resident agent: keep the node's servers running`;

/** A retire takes at most the stop of redis-server (10 s), a failover (4 s) and some reserve. */
const RETIRE_TIMEOUT_MS = 30_000;

/** @returns the exit code: 0 done, 1 could not be done, 2 wrong use */
export async function host(argv: readonly string[]): Promise<number> {
  const [step, ...rest] = argv;
  try {
    switch (step) {
      case "install":
        return await install(specFromEnvironment());
      case "apply": {
        const spec = specFromEnvironment();
        say(spec.node.name, await applySpec(spec, folderOf(spec.environment, spec.node.name), tell(spec.node.name)));
        return 0;
      }
      case "retire": {
        const { environment, node } = JSON.parse(required("REDIS_HA_NODE")) as { environment: string; node: string };
        const folder = folderOf(environment, node);
        await refuseToMoveSeveral(folder, describedNodes(environment));
        say(node, await retire(folder, { report: tell(node) }));
        return 0;
      }
      case "stop": {
        const folder = nodeFolderAt(rest[0] ?? "");
        const spec = applied(folder);
        say(spec.node.name, await stopNode(spec, folder, tell(spec.node.name)));
        return 0;
      }
      case "prestart":
        return await prestart(rest[0], nodeFolderAt(rest[1] ?? ""));
      case "run": {
        return await new Resident(nodeFolderAt(rest[0] ?? "")).run();
      }
      default:
        process.stderr.write(`${usage}\n`);
        return step === undefined || step === "--help" ? 0 : 2;
    }
  } catch (error) {
    process.stderr.write(`redis-ha host ${step}: ${(error as Error).message}\n`);
    return 1;
  }
}

/** The agent may have been started for many nodes of one computer; the checkout tells which folder is meant. */
const folderOf = (environment: string, node: string): NodeFolder =>
  nodeFolder(stateFolder(projectRoot()), environment, node);

/** The nodes of an environment as they were synthesized; none when it, or all of it, is gone. */
function describedNodes(environment: string): readonly TopologyNode[] {
  const json = readIfThere(path.join(projectRoot(), "cdktf.out", "environments.json"));
  return json === undefined ? [] : ((JSON.parse(json) as Inventory).environments[environment]?.nodes ?? []);
}

function required(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set; this step is run by Terraform's provisioners`);
  return value;
}

function applied(folder: NodeFolder): NodeSpec {
  const spec = appliedSpec(folder);
  if (!spec) throw new Error(`${folder.spec} is missing: this node was never applied`);
  return spec;
}

const specFromEnvironment = (): NodeSpec => parseNodeSpec(required("REDIS_HA_SPEC"), "REDIS_HA_SPEC");

/** What is waited for, on the error stream: it is no result. */
const tell =
  (node: string) =>
  (line: string): void =>
    void process.stderr.write(`${node}: ${line}\n`);

function say(node: string, done: readonly string[]): void {
  process.stdout.write(`${node}: ${done.length > 0 ? done.join(", ") : "nothing to change"}\n`);
}

/** Finds out before anything is started whether this computer can run the node, and its peers. */
async function install(spec: NodeSpec): Promise<number> {
  const folder = folderOf(spec.environment, spec.node.name);
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
  say(spec.node.name, [`ready in ${folder.root}`]);
  return 0;
}

/**
 * Looks whether the ports of all nodes of the environment are free or ours. The peers' too: a Sentinel that runs takes
 * whoever listens there for a node of its cluster.
 * @param starting name of the node that is about to be started; its ports may still be those of one that is being retired
 * @throws when somebody else has one of them
 */
export async function checkPorts(spec: NodeSpec, starting?: string): Promise<void> {
  for (const node of allNodes(spec)) {
    for (const name of serverNames(node)) {
      const server = new Server(name, { ...spec, node }, folderOf(spec.environment, node.name), () => undefined);
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
  if (!freed) throw new Error(`${server.spec.node.name}: ${await server.portTaken()}`);
}

/** The step before a server starts, for supervisors other than the agent; its arguments go to the server's command line. */
async function prestart(name: string | undefined, folder: NodeFolder): Promise<number> {
  const spec = applied(folder);
  if (name !== "redis" && name !== "sentinel") throw new Error(`prestart of ${name}: say redis or sentinel`);
  const server = new Server(name, spec, folder, (message) => process.stderr.write(`${spec.node.name}: ${message}\n`));
  const fenced = await server.prestart();
  if (fenced) process.stdout.write(`${fenceArguments.join(" ")}\n`);
  return 0;
}
