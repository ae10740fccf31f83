import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { writeAtomically } from "../agent/node-folder.ts";
import { isAlive, type ProcessRecord, readRecord, recordOf } from "../agent/processes.ts";
import { batch, endProcessesIn, ip, namespaceExists, removeNamespace } from "./netns.ts";

/** A place in the lab: the namespace of one node, or `control`, which reaches every node that is not isolated. */
export type Where = "control" | { readonly node: string };

/** What a run has made, on disk before anything is made: whoever finds it after the owner's death can remove it all. */
interface RunRecord extends ProcessRecord {
  readonly namespaces: readonly string[];
  readonly folder: string;
}

/** Where records lie, one file a run: gone after a reboot, as the namespaces are. */
const RECORDS = "/run";
const recordFile = (id: string): string => path.join(RECORDS, `redis-ha-drill-${id}.json`);
/** The addresses exist in these namespaces only, so every run has the same ones. */
const NETWORK = "10.213.0";
/** Nobody has this address: what is sent to it, nobody takes. */
const NOBODY = "02:00:00:00:00:01";

/**
 * One network namespace a node, each with a cable (veth) to a bridge in the namespace `control`. The computer itself has
 * no interface in there: no packet leaves the lab, and none comes in.
 *
 * `remove` ends every process inside; it also happens when this process ends, by itself or by SIGINT, SIGTERM or SIGHUP.
 * After a SIGKILL the next `create` does it.
 */
export class Namespaces {
  /** A folder for what runs inside; removed with the namespaces. */
  readonly folder: string;
  private readonly record: string;
  private readonly control: string;

  private constructor(
    id: string,
    private readonly nodes: readonly string[],
  ) {
    this.control = `rha-${id}`;
    // Not os.tmpdir(): the agents' sockets need a short path.
    this.folder = `/tmp/rha-${id}`;
    this.record = recordFile(id);
  }

  /**
   * @param nodes names, at most 200
   * @throws when this computer cannot (see `whyNoNamespaces`), with what to do
   */
  static create(nodes: readonly string[]): Namespaces {
    const why = whyNoNamespaces();
    if (why !== undefined) throw new Error(why);
    removeLeftovers();
    const made = new Namespaces(randomBytes(3).toString("hex"), nodes);
    removeAtTheEnd(made);
    try {
      made.build();
    } catch (error) {
      made.remove();
      throw error;
    }
    return made;
  }

  /** IPv4 address of a node; every port is free there. */
  address(node: string): string {
    return `${NETWORK}.${this.number(node)}`;
  }

  /** Pulls the node's cable: nothing reaches it, and nothing that it sends arrives. It still reaches itself. */
  isolate(node: string): void {
    ip(["-n", this.control, "link", "set", this.port(node), "down"]);
  }

  /** Plugs the cable in again. */
  heal(node: string): void {
    ip(["-n", this.control, "link", "set", this.port(node), "up"]);
  }

  /** Loses what `from` sends to `to`, silently and in this direction only. TCP between the two stops both ways. */
  block(from: string, to: string): void {
    const namespace = this.namespace({ node: from });
    ip(`-n ${namespace} neigh replace ${this.address(to)} lladdr ${NOBODY} dev eth0 nud permanent`.split(" "));
  }

  /** Ends what `block` began. */
  unblock(from: string, to: string): void {
    ip(`-n ${this.namespace({ node: from })} neigh del ${this.address(to)} dev eth0`.split(" "));
  }

  /** The command line that runs `command` in a namespace; what it starts stays there too. */
  command(where: Where, command: string, args: readonly string[]): { file: string; args: string[] } {
    return { file: "ip", args: ["netns", "exec", this.namespace(where), command, ...args] };
  }

  /**
   * Runs a command in a namespace.
   * @param env added to this process's own
   * @returns what it wrote to stdout
   * @throws when it fails or takes more than `timeoutMs`, with its output
   */
  async run(
    where: Where,
    command: string,
    args: readonly string[],
    { env = {}, timeoutMs = 60_000 }: { env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
  ): Promise<string> {
    const line = this.command(where, command, args);
    const options = { env: { ...process.env, ...env }, timeout: timeoutMs };
    const { stdout } = await promisify(execFile)(line.file, line.args, options);
    return stdout;
  }

  /** Ends every process inside (SIGKILL), then removes namespaces and folder. Does nothing the second time. */
  remove(): void {
    removeRun(this.record);
    living.delete(this);
  }

  private build(): void {
    const owner = recordOf(process.pid);
    if (!owner) throw new Error(`/proc/${process.pid}/stat cannot be read; mount /proc`);
    const namespaces = [this.control, ...this.nodes.map((node) => this.namespace({ node }))];
    const record: RunRecord = { ...owner, namespaces, folder: this.folder };
    writeAtomically(this.record, JSON.stringify(record));
    fs.mkdirSync(this.folder, { mode: 0o700 });
    batch([], ...namespaces.map((name) => `netns add ${name}`));
    batch(
      ["-n", this.control],
      "link set lo up",
      "link add bridge type bridge",
      `address add ${NETWORK}.254/24 dev bridge`,
      "link set bridge up",
      ...this.nodes.flatMap((node) => [
        `link add ${this.port(node)} type veth peer name eth0 netns ${this.namespace({ node })}`,
        `link set ${this.port(node)} master bridge up`,
      ]),
    );
    for (const node of this.nodes) {
      const address = `address add ${this.address(node)}/24 dev eth0`;
      batch(["-n", this.namespace({ node })], "link set lo up", address, "link set eth0 up");
    }
  }

  private number(node: string): number {
    const index = this.nodes.indexOf(node);
    if (index < 0) throw new Error(`${node}: not one of the nodes ${this.nodes.join(", ")}`);
    return index + 1;
  }

  private port(node: string): string {
    return `port${this.number(node)}`;
  }

  private namespace(where: Where): string {
    return where === "control" ? this.control : `${this.control}-${this.number(where.node)}`;
  }
}

let tried: { why: string | undefined } | undefined;

/** Why this computer cannot make network namespaces, with what to do about it; undefined when it can. */
export function whyNoNamespaces(): string | undefined {
  tried ??= { why: tryNamespaces() };
  return tried.why;
}

function tryNamespaces(): string | undefined {
  if (process.platform !== "linux") return "partitions are made with network namespaces, which only Linux has";
  if (process.getuid?.() !== 0) {
    return "partitions are made with network namespaces, which only root may make: run it as root (the computer's own network is not touched)";
  }
  const name = `rha-try-${process.pid}`;
  try {
    batch([], `netns add ${name}`);
    batch(["-n", name], "link add bridge type bridge", "link add one type veth peer name other");
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return "partitions are made with the command ip, which is missing: install iproute2 (Debian, Ubuntu: apt-get install iproute2)";
    }
    return `network namespaces cannot be made here (a container needs the capabilities NET_ADMIN and SYS_ADMIN): ${(error as Error).message}`;
  } finally {
    if (namespaceExists(name)) removeNamespace(name);
  }
}

/** Removes what runs have left whose process was killed. */
export function removeLeftovers(): void {
  const records = fs.readdirSync(RECORDS).filter((name) => /^redis-ha-drill-\w+\.json$/.test(name));
  for (const name of records) {
    const file = path.join(RECORDS, name);
    const record = readRecord<RunRecord>(file);
    if (record && !isAlive(record)) removeRun(file);
  }
}

function removeRun(file: string): void {
  const record = readRecord<RunRecord>(file);
  if (record) {
    endProcessesIn(record.namespaces.filter(namespaceExists));
    for (const name of record.namespaces.filter(namespaceExists)) removeNamespace(name);
    fs.rmSync(record.folder, { recursive: true, force: true });
  }
  fs.rmSync(file, { force: true });
}

const living = new Set<Namespaces>();
let watching = false;

function removeAtTheEnd(namespaces: Namespaces): void {
  living.add(namespaces);
  if (watching) return;
  watching = true;
  const removeAll = (): void => living.forEach((each) => each.remove());
  process.once("exit", removeAll);
  // A worker of the tests whose runner is gone.
  process.once("disconnect", removeAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      removeAll();
      // The handler was the only reason not to end.
      process.kill(process.pid, signal);
    });
  }
}
