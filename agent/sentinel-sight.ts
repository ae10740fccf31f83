import { masterAccess } from "../cluster/access.ts";
import {
  askRedis,
  askSentinels,
  dataNodeAt,
  quorumMaster,
  sentinelEndpoint,
  sentinelState,
  watchesNothing,
} from "../cluster/answers.ts";
import { withConnection } from "../cluster/connection.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";

/** How often a Sentinel is asked whether it sees its servers. */
const LOOK_EVERY_MS = 2000;
/** Between two steps of a hand-over a Sentinel watches nothing, for a moment as a rule. */
const BLIND_MS = 5000;

/**
 * What a hand-over tells the Sentinels, one that hung meanwhile may have heard only a part of, and MONITOR by hand lacks: as whom to
 * ask the servers is told with each master anew.
 */
export class SentinelSight {
  private lookedAt = -Infinity;
  private looking = false;
  private blindSince: number | undefined;

  constructor(private readonly log: (message: string) => void) {}

  /**
   * Looks once in a while, beside whoever asks: a Sentinel that hangs keeps nobody waiting.
   * @returns whether it has watched nothing for so long, while a quorum of the others names a master, that only a restart
   * teaches it that
   */
  isBlind(spec: NodeSpec): boolean {
    const now = performance.now();
    if (!this.looking && now - this.lookedAt > LOOK_EVERY_MS) {
      this.looking = true;
      this.lookedAt = now;
      void letIn(spec, this.log)
        .then((seen) => (this.blindSince = seen === "blind" ? (this.blindSince ?? now) : undefined))
        .catch((error: Error) => this.log(`sentinel: not looked at: ${error.message}`))
        .finally(() => (this.looking = false));
    }
    return this.blindSince !== undefined && now - this.blindSince > BLIND_MS;
  }

  /** It was restarted. */
  reset(): void {
    this.blindSince = undefined;
  }
}

/** A Sentinel that does not see a server which answers us is told again as whom to ask. */
async function letIn(spec: NodeSpec, log: (message: string) => void): Promise<"blind" | undefined> {
  try {
    return await withConnection(sentinelEndpoint(spec.node), async (sentinel) => {
      const { master, flags, replicas } = await sentinelState(sentinel, spec.masterName);
      const { username, password } = masterAccess();
      if (username === undefined || password === undefined) return undefined;
      const unseen = [{ ...master, flags }, ...replicas].filter((server) => /s_down|disconnected/.test(server.flags));
      const nodes = unseen.flatMap((server) => dataNodeAt(allNodes(spec), server) ?? []);
      const answers = nodes.length > 0 ? await askRedis(nodes) : [];
      const answering = answers.filter(({ state }) => state).map(({ node }) => node.name);
      if (answering.length === 0) return undefined;
      await sentinel.call("SENTINEL", "SET", spec.masterName, "auth-user", username, "auth-pass", password);
      log(`sentinel: did not see ${answering.join(" and ")}, which answers: told again as whom to ask`);
      return undefined;
    });
  } catch (error) {
    // Whether it is there at all, is looked at elsewhere.
    if (!watchesNothing((error as Error).message)) return undefined;
    const others = await askSentinels(spec.peers, spec.masterName);
    return quorumMaster(others, spec.quorum, allNodes(spec)) ? "blind" : undefined;
  }
}
