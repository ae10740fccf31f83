import { masterAccess } from "../cluster/access.ts";
import {
  askRedis,
  askSentinels,
  dataNodeAt,
  quorumMaster,
  redisEndpoint,
  sameEndpoint,
  sentinelEndpoint,
  type SentinelState,
  sentinelState,
  watchesNothing,
} from "../cluster/answers.ts";
import { ASK_TIMEOUT_MS, KeptConnection } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import type { TopologyNode } from "../topology/topology.ts";
import { isReplacing } from "./role.ts";

/** How often a Sentinel is asked whether it sees its servers. */
const LOOK_EVERY_MS = 2000;
/** Between two steps of a hand-over a Sentinel watches nothing, for a moment as a rule; and one that has another view hears the others' each 2 s. */
const PATIENCE_MS = 5000;

/** What only a restart mends, when it lasts. */
interface Wrong {
  readonly what: string;
  readonly patienceMs: number;
}

/**
 * The agent's eyes on its node's Sentinel, over a connection that stays open: whether it sees what there is to see, and
 * names whom the others name.
 */
export class SentinelSight {
  private spec: NodeSpec | undefined;
  private connection: KeptConnection | undefined;
  private lookedAt = -Infinity;
  private looking = false;
  /** What it did not see when it was last looked at. */
  private unseen: readonly TopologyNode[] = [];
  private wrong: (Wrong & { readonly since: number }) | undefined;

  /** @param onLost told at once when the Sentinel closes the connection */
  constructor(
    private readonly log: (message: string) => void,
    private readonly onLost: () => void,
  ) {}

  /** Looks at this node's Sentinel from now on. */
  watch(spec: NodeSpec): void {
    const endpoint = sentinelEndpoint(spec.node);
    if (!sameEndpoint(this.connection?.endpoint, endpoint)) {
      this.close();
      this.connection = new KeptConnection(endpoint, ASK_TIMEOUT_MS, this.onLost);
    }
    this.spec = spec;
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
    this.unseen = [];
  }

  /**
   * Looks once in a while, beside whoever asks: a Sentinel that hangs keeps nobody waiting.
   * @returns what has been wrong with it for so long that only a restart mends it, if anything
   */
  needsRestart(): string | undefined {
    const now = performance.now();
    if (!this.looking && now - this.lookedAt > LOOK_EVERY_MS) {
      this.looking = true;
      this.lookedAt = now;
      void this.look()
        .then((wrong) => (this.wrong = wrong && { since: this.wrong?.since ?? now, ...wrong }))
        .catch((error: Error) => this.log(`sentinel: not looked at: ${error.message}`))
        .finally(() => (this.looking = false));
    }
    return this.wrong && now - this.wrong.since > this.wrong.patienceMs ? this.wrong.what : undefined;
  }

  /** It was restarted. */
  reset(): void {
    this.wrong = undefined;
    this.unseen = [];
  }

  private async look(): Promise<Wrong | undefined> {
    const { spec, connection } = this;
    if (!spec || !connection) return undefined;
    let state: SentinelState;
    try {
      state = await connection.ask((sentinel) => sentinelState(sentinel, spec.masterName));
    } catch (error) {
      this.unseen = [];
      // Whether it is there at all, is looked at elsewhere.
      if (!watchesNothing((error as Error).message)) return undefined;
      const named = await namedByOthers(spec);
      return named && { what: `watches nothing, and the others name ${named.name}`, patienceMs: PATIENCE_MS };
    }
    await this.letIn(spec, connection, state);
    return otherMaster(spec, state);
  }

  /**
   * A Sentinel that does not see a server which answers us is told again as whom to ask: what a hand-over tells the Sentinels,
   * one that hung meanwhile may have heard only a part of, and MONITOR by hand lacks it.
   */
  private async letIn(spec: NodeSpec, connection: KeptConnection, state: SentinelState): Promise<void> {
    const { username, password } = masterAccess();
    if (username === undefined || password === undefined) return;
    const { master, flags, replicas } = state;
    const before = this.unseen;
    this.unseen = [{ ...master, flags }, ...replicas]
      .filter((server) => /s_down|disconnected/.test(server.flags))
      .flatMap((server) => dataNodeAt(allNodes(spec), server) ?? []);
    // Once, it may have been told just now: then it opens its connections anew within a second.
    const nodes = this.unseen.filter((node) => before.some(({ name }) => name === node.name));
    const answers = nodes.length > 0 ? await askRedis(nodes) : [];
    const answering = answers.filter((answer) => answer.state).map(({ node }) => node.name);
    if (answering.length === 0) return;
    await connection.ask((sentinel) =>
      sentinel.call("SENTINEL", "SET", spec.masterName, "auth-user", username, "auth-pass", password),
    );
    this.log(`sentinel: did not see ${answering.join(" and ")}, which answers: told again as whom to ask`);
  }
}

/**
 * The Sentinels correct each other only by a higher epoch. One that was given the epoch of a hand-over at the moment at which
 * the others began to replace that very master has the same as they, and would keep its own view for good.
 */
async function otherMaster(spec: NodeSpec, state: SentinelState): Promise<Wrong | undefined> {
  if (state.flags === "master" && state.masterReports === "master") return undefined;
  const named = await namedByOthers(spec);
  if (!named || sameEndpoint(redisEndpoint(named), state.master)) return undefined;
  const [answer] = await askRedis([named]);
  if (answer?.state?.role !== "master") return undefined;
  const own = dataNodeAt(allNodes(spec), state.master)?.name ?? state.master.address;
  // While it ends a failover, the one that leads it names the former master; it gives up after its time-out.
  const patienceMs = PATIENCE_MS + (isReplacing({ state }) ? state.failoverTimeoutMs : 0);
  return { what: `names ${own}, and the others ${named.name}, which is master`, patienceMs };
}

async function namedByOthers(spec: NodeSpec): Promise<TopologyNode | undefined> {
  return quorumMaster(await askSentinels(spec.peers, spec.masterName), spec.quorum, allNodes(spec));
}
