import { waitFor } from "../agent/processes.ts";
import { overridden, OVERRIDE } from "../agent/override.ts";
import type { SentinelState } from "../cluster/answers.ts";
import type { Answers } from "../cluster/look.ts";
import { viewOf } from "../cluster/view.ts";
import { majority } from "../topology/topology.ts";
import { Hosts } from "./hosts.ts";
import type { Described } from "./request.ts";

/** Sentinels need 2 s to see it, and some more to replace a master. */
const FAILOVER_TIMEOUT_MS = 15_000;

/**
 * May a node be retired whose host cannot be reached? Only when the Sentinels say that it is down, and another node is
 * master.
 * @param from the environment with the nodes that it has still
 * @returns what was seen, as a sentence
 * @throws when they do not, or nobody can be asked
 */
export async function confirmDown(
  { node, address }: { node: string; address: string },
  from: Described,
  root: string,
): Promise<string> {
  const others = from.inventory.nodes.filter((each) => each.name !== node);
  const hosts = new Hosts({ ...from, inventory: { ...from.inventory, nodes: others } }, root);
  const all = from.inventory.nodes.filter(({ sentinelPort }) => sentinelPort !== undefined).length;
  const needed = Math.max(from.inventory.quorum, majority(all));
  let seen = "";
  let error: string | undefined;
  const confirmed = async (): Promise<true | undefined> => {
    const { redis, sentinels } = await hosts.any<Answers>({ want: "answers" });
    const { master } = viewOf(from.environment, from.inventory, redis, sentinels);
    const agreeing = sentinels.filter(({ state }) => state !== undefined && seesDown(state, address)).length;
    seen = `${agreeing} of ${all} Sentinels see it as down, and ${master ? `${master.name} is master` : "name no master"}`;
    return (agreeing >= needed && master !== undefined && master.name !== node) || undefined;
  };
  try {
    await waitFor("the Sentinels see it as down", confirmed, FAILOVER_TIMEOUT_MS, 500);
    return seen;
  } catch (reason) {
    if (seen === "") error = (reason as Error).message;
  }
  if (overridden()) return `${OVERRIDE}=1, although ${error ?? seen}`;
  throw new Error(
    `${node}: nobody confirms that it is down (${error ?? `${seen}; ${needed} are needed`}), so it may be master and ` +
      `take writes. Make its host reachable, or bring the others up: npx redis-ha converge --env ${from.environment}. ` +
      `(To go on all the same: ${OVERRIDE}=1)`,
  );
}

/** One that the Sentinel does not know of any more is no part of its group. */
function seesDown({ master, replicas, sentinels }: SentinelState, address: string): boolean {
  if (master.address === address) return false;
  return [...replicas, ...sentinels]
    .filter((each) => each.address === address)
    .every(({ flags }) => /[so]_down/.test(flags));
}
