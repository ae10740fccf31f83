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

/**
 * What a hand-over tells the Sentinels, one that hung meanwhile may have heard only a part of, and MONITOR by hand lacks: as whom to
 * ask the servers is told with each master anew.
 *
 * A Sentinel that does not see a master which answers us is told it again.
 * @returns `blind`: it watches nothing, while a quorum of the others names a master. Only a restart teaches it that
 */
export async function letIn(spec: NodeSpec, log: (message: string) => void): Promise<"blind" | undefined> {
  try {
    return await withConnection(sentinelEndpoint(spec.node), async (sentinel) => {
      const { master, flags } = await sentinelState(sentinel, spec.masterName);
      const { username, password } = masterAccess();
      if (username === undefined || password === undefined || !/s_down|disconnected/.test(flags)) return undefined;
      const node = dataNodeAt(allNodes(spec), master);
      const [answer] = node ? await askRedis([node]) : [];
      if (!answer?.state) return undefined;
      await sentinel.call("SENTINEL", "SET", spec.masterName, "auth-user", username, "auth-pass", password);
      log(`sentinel: did not see ${node?.name}, which answers: told again as whom to ask`);
      return undefined;
    });
  } catch (error) {
    if (!watchesNothing((error as Error).message)) return undefined;
    const others = await askSentinels(spec.peers, spec.masterName);
    return quorumMaster(others, spec.quorum, allNodes(spec)) ? "blind" : undefined;
  }
}
