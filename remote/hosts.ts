import type { TopologyNode } from "../topology/topology.ts";
import { HOST_PROGRAM } from "../topology/host-places.ts";
import { programHash } from "../agent/program.ts";
import { overridden } from "../agent/override.ts";
import { NOTHING_TO_CHANGE, stackPatterns } from "../agent/not-applied.ts";
import { RemoteHost } from "./deliver.ts";
import type { HostInput } from "./steps.ts";
import type { Described, HostRequest, Question } from "./request.ts";
import { Ssh } from "./ssh.ts";

/** A roll, or a repair, waits for full copies of the data. */
const COMMAND_TIMEOUT_MS = 1_800_000;
const ASK_TIMEOUT_MS = 30_000;
/** The exit code of our own check that the host has been set up. */
const NEVER_APPLIED = 97;

/** Why a host was of no use. */
class NotUsable extends Error {
  override name = "NotUsable";
}

/**
 * The hosts of an environment, for the operator's command: what it wants to know or to have done is done on a host, which
 * reaches the servers of all others, and has its own node's files.
 */
export class Hosts {
  private nearest: Promise<TopologyNode> | undefined;

  /**
   * @param root the checkout
   * @param report told what a command on a host says meanwhile
   */
  constructor(
    readonly chosen: Described,
    private readonly root: string,
    private readonly report: (line: string) => void = () => undefined,
  ) {}

  get nodes(): readonly TopologyNode[] {
    return this.chosen.inventory.nodes;
  }

  /** Asks the host that can be asked soonest, and once more another one when it cannot answer. @throws when none can be */
  async any<T>(question: Question): Promise<T> {
    const first = await this.reached();
    return this.ask<T>(first, question).catch(async (error: Error) => {
      this.nearest = undefined;
      const other = await this.findNearest(first).catch(() => {
        throw error;
      });
      this.nearest = Promise.resolve(other);
      return this.ask<T>(other, question);
    });
  }

  /** That host, before it is asked. @throws when no host can be */
  reached(): Promise<TopologyNode> {
    this.nearest ??= this.findNearest();
    // Later, one may be there.
    this.nearest.catch(() => (this.nearest = undefined));
    return this.nearest;
  }

  /** @throws when the host cannot be asked, or could not answer */
  async ask<T>(node: TopologyNode, question: Question): Promise<T> {
    const waits = question.want === "gate" || question.want === "elect";
    const { json, code } = await this.send<T>(node, question, waits ? COMMAND_TIMEOUT_MS : ASK_TIMEOUT_MS);
    if (json === undefined) throw new NotUsable(`${node.name}: its host could not answer (exit code ${code})`);
    return json;
  }

  /** Asks every host, all at once. @returns by node name: the answer, or why there is none */
  async all<T>(question: (node: TopologyNode) => Question): Promise<Map<string, T | Error>> {
    const asked = this.nodes.map(async (node) => {
      const answer = await this.ask<T>(node, question(node)).catch((error: Error) => error);
      return [node.name, answer] as const;
    });
    return new Map(await Promise.all(asked));
  }

  /**
   * Runs a command of ours on the node's host, as it would run there without us.
   * @returns its exit code, and the document that it printed; none when it failed, which it has said
   */
  command<T>(node: TopologyNode, argv: readonly string[]): Promise<{ code: number; json: T | undefined }> {
    return this.send<T>(node, { want: "command", argv }, COMMAND_TIMEOUT_MS);
  }

  /**
   * Makes the node what it was told last (`converge`), or starts what is not up (`up`).
   * @param further.spec what it is, should that be lost there
   * @param further.secrets its share @default - it keeps the one that it has
   * @returns whether that changed something
   */
  again(
    node: TopologyNode,
    step: "converge" | "up",
    further: Pick<HostInput, "spec" | "secrets" | "bootstrap"> = {},
  ): Promise<boolean> {
    const its = { environment: this.chosen.environment, node: node.name, address: node.address };
    return this.asRoot(node, step, { node: its, ...further });
  }

  /**
   * Does a step on the node's host as root, with our program in this checkout's version.
   * @returns whether it changed something there
   */
  async asRoot(node: TopologyNode, step: string, input: HostInput): Promise<boolean> {
    const host = new RemoteHost(node.name, this.ssh(node), this.report);
    await host.prepare();
    const said = await host.step(`${step} --here`, JSON.stringify({ override: overridden(), ...input }));
    return said.some((line) => !line.endsWith(`: ${NOTHING_TO_CHANGE}`));
  }

  /**
   * Runs a shell command on the node's host as root.
   * @param command without single quotes
   * @returns its output
   * @throws when it fails
   */
  async rootShell(node: TopologyNode, command: string): Promise<string> {
    const ssh = this.ssh(node);
    const { code, stdout, stderr } = await ssh.run(`${ssh.sudo}sh -c '${command}'`, { timeoutMs: ASK_TIMEOUT_MS });
    if (code !== 0) throw new Error(`${node.name}: ${ssh.name}: ${command}: ${stderr.trim()}`);
    return stdout.trim();
  }

  ssh({ address }: TopologyNode): Ssh {
    const { reach } = this.chosen.inventory;
    if (!reach) throw new Error(`${this.chosen.environment} has no hosts; its nodes run on this computer`);
    return new Ssh(address, reach, this.root);
  }

  private async findNearest(except?: TopologyNode): Promise<TopologyNode> {
    const looks = this.nodes
      .filter((node) => node !== except)
      .map(async (node) => {
        const { code } = await this.ssh(node).run(`test -e ${HOST_PROGRAM}`, { timeoutMs: ASK_TIMEOUT_MS });
        if (code !== 0) throw new NotUsable(this.neverApplied(node));
        return node;
      });
    return Promise.any(looks).catch((error: AggregateError) => {
      const reasons = (error.errors as Error[]).map(({ message }) => `- ${message}`);
      throw new NotUsable(`no host of ${this.chosen.environment} can be asked:\n${reasons.join("\n")}`);
    });
  }

  private neverApplied({ name }: TopologyNode): string {
    const { environment } = this.chosen;
    return (
      `${name}: its host was never set up; apply ${environment} (npx cdktf deploy ${stackPatterns(environment, this.chosen.inventory.target)}), or, if that was done and ` +
      `this is an empty host in its place: npx redis-ha converge --env ${environment} --after-apply`
    );
  }

  private async send<T>(
    node: TopologyNode,
    question: Question,
    timeoutMs: number,
  ): Promise<{ code: number; json: T | undefined }> {
    const { engine } = this.chosen.inventory;
    // As the nodes' own user, who owns their files and can do no more than that.
    const run = `runuser -u ${engine} -- /usr/bin/node ${HOST_PROGRAM} answer`;
    const request: HostRequest = { program: programHash(), override: overridden(), ...this.chosen, ...question };
    const ssh = this.ssh(node);
    const { code, stdout } = await ssh.run(
      `test -e ${HOST_PROGRAM} || exit ${NEVER_APPLIED}; cd /; exec ${ssh.sudo}${run}`,
      { input: JSON.stringify(request), onError: this.report, timeoutMs },
    );
    if (code === NEVER_APPLIED) throw new NotUsable(this.neverApplied(node));
    return { code, json: stdout.trim() === "" ? undefined : (JSON.parse(stdout) as T) };
  }
}

/** The hosts of an environment that has its nodes on hosts; undefined where they are on this computer. */
export const hostsOf = (chosen: Described, root: string, report: (line: string) => void): Hosts | undefined =>
  chosen.inventory.reach === undefined ? undefined : new Hosts(chosen, root, report);
