import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { HOST_STATE } from "../topology/host-places.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import { type NodeSpec, parseNodeSpec } from "../topology/node-spec.ts";

/** Where everything of one node lies. On the target `local` that is one folder below the user's state folder. */
export interface NodeFolder {
  readonly root: string;
  /** The spec that was applied last, as JSON: what the node should be. */
  readonly spec: string;
  /** The spec of a node that was retired, in place of `spec`: its data is kept, but it must not run. */
  readonly retired: string;
  /** The spec that was last applied to its end: what is gone back to when a server does not start with a newer one. */
  readonly previous: string;
  /** Exists once the whole group was seen in step: from then on no server is stopped without asking the others. */
  readonly complete: string;
  /** Exists from the moment at which the operator chose this node as master until it starts as such. */
  readonly elected: string;
  /** Exists once the node has had data: an empty data folder is then a loss, not a beginning. */
  readonly initialised: string;
  /** On a host of its own: whoever applied the first node has seen that no node of the group has had data. */
  readonly bootstrap: string;
  /** Until when the node had all the data of its cluster: milliseconds since 1970. */
  readonly inStep: string;
  /** The node's share of the environment's secrets, in a folder of its own. */
  readonly secrets: string;
  /** Template files, written by apply. */
  readonly redisConf: string;
  readonly sentinelConf: string;
  /** Data, and runtime.conf which redis-server rewrites. */
  readonly redisData: string;
  readonly runtimeConf: string;
  readonly sentinelData: string;
  readonly sentinelState: string;
  readonly logs: string;
  /** Pid records and the agent's socket. */
  readonly run: string;
  readonly socket: string;
  /** The programs that a running agent was started from. */
  readonly programs: string;
}

/** Longest path of a unix socket, in bytes, that both Linux (107) and macOS (103) take. */
const SOCKET_PATH_MAX = 103;

/**
 * The checkout that a command belongs to: REDIS_HA_PROJECT where Terragrunt gives it, else the nearest folder with a
 * cdktf.json above the working directory (cdktf and Terragrunt run provisioners in folders inside the checkout), else
 * above the program itself (`cdktf.out/redis-ha.cjs`).
 * @throws when there is none
 */
export function projectRoot(start: string = process.cwd()): string {
  const given = process.env["REDIS_HA_PROJECT"];
  const starts = [...(given ? [given] : []), start, path.dirname(process.argv[1] ?? start)];
  const root = starts.map(checkoutAbove).find((folder) => folder !== undefined);
  if (root !== undefined) return root;
  throw new Error(`${start} is not inside a checkout of this project (no cdktf.json here or above); change to one`);
}

function checkoutAbove(start: string): string | undefined {
  if (!fs.existsSync(start)) return undefined;
  for (let folder = fs.realpathSync(start); ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, "cdktf.json"))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/**
 * The state folder of one checkout: `$XDG_STATE_HOME/cdktf-redis-ha/<folder name>-<hash of its path>`,
 * so that two checkouts of one user, and two users, never share files.
 */
export function stateFolder(root: string): string {
  const given = process.env["XDG_STATE_HOME"] ?? "";
  // The XDG rules: a relative path counts as none.
  const base = path.isAbsolute(given) ? given : path.join(os.homedir(), ".local", "state");
  return path.join(base, "cdktf-redis-ha", checkoutName(root));
}

/** What tells the checkouts of one user apart: `<folder name>-<hash of its path>`. */
export function checkoutName(root: string): string {
  const hash = createHash("sha256").update(root).digest("hex").slice(0, 8);
  return `${path.basename(root)}-${hash}`;
}

/** Where the folders of an environment's nodes lie, on the computer that they are on. */
export const stateOf = ({ target }: Pick<InventoryEnvironment, "target">, root: string): string =>
  target === "local" ? stateFolder(root) : HOST_STATE;

export function nodeFolder(state: string, environment: string, node: string): NodeFolder {
  return nodeFolderAt(path.join(state, environment, node));
}

/** @throws when the path is too long for a unix socket */
export function nodeFolderAt(root: string): NodeFolder {
  // Beside the environments and not in the node's folder, because its path must be short.
  const state = path.dirname(path.dirname(root));
  const name = createHash("sha256").update(path.relative(state, root)).digest("hex").slice(0, 8);
  const socket = path.join(state, `${name}.sock`);
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX) {
    throw new Error(
      `${socket}: longer than the ${SOCKET_PATH_MAX} bytes that a unix socket may have; ` +
        `set XDG_STATE_HOME to a folder with a shorter path`,
    );
  }
  return {
    root,
    spec: path.join(root, "node.json"),
    retired: path.join(root, "retired.json"),
    previous: path.join(root, "previous.json"),
    complete: path.join(root, "complete"),
    elected: path.join(root, "elected"),
    initialised: path.join(root, "initialised"),
    bootstrap: path.join(root, "bootstrap"),
    inStep: path.join(root, "in-step"),
    secrets: path.join(root, "secrets", "secrets.json"),
    redisConf: path.join(root, "etc", "redis.conf"),
    sentinelConf: path.join(root, "etc", "sentinel.conf"),
    redisData: path.join(root, "redis"),
    runtimeConf: path.join(root, "redis", "runtime.conf"),
    sentinelData: path.join(root, "sentinel"),
    sentinelState: path.join(root, "sentinel", "sentinel.conf"),
    logs: path.join(root, "log"),
    run: path.join(root, "run"),
    socket,
    programs: path.join(root, "bin"),
  };
}

/** The spec that was applied last, or undefined when the node was never applied here. */
export const appliedSpec = (folder: NodeFolder): NodeSpec | undefined => specIn(folder.spec);

/** The spec with which a node was retired. */
export const retiredSpec = (folder: NodeFolder): NodeSpec | undefined => specIn(folder.retired);

/** @throws when a file is there that is no spec */
export function specIn(file: string): NodeSpec | undefined {
  const json = readIfThere(file);
  return json === undefined ? undefined : parseNodeSpec(json, file);
}

/** The text of a file, or undefined when there is none. Other errors are thrown. */
export function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Replaces a file so that a reader, or a crash, sees the old text or the new one, whole and on disk. */
export function writeAtomically(file: string, text: string, mode = 0o600): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = fs.openSync(temporary, "w", mode);
  try {
    fs.writeSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(temporary, file);
  const folder = fs.openSync(path.dirname(file), "r");
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}

/** The folder of a node of this checkout; the program may have been started for many. */
export const folderHere = (environment: string, node: string): NodeFolder =>
  nodeFolder(stateFolder(projectRoot()), environment, node);
