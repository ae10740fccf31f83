import { parseSentinelFile } from "../topology/config-file.ts";
import { redisEndpoint, sameEndpoint, sentinelEndpoint, watchesNothing } from "./answers.ts";
import type { Endpoint } from "./connection.ts";
import type { SentinelEvidence } from "./evidence.ts";
import { finding, type CheckId, type Context, type Finding } from "./verify.ts";
import { nameOf } from "./view.ts";

/** Checks on the Sentinels: whom they name, whether they agree, whom they know and what they were told. */
export function sentinelChecks(context: Context): Finding[] {
  return [
    ...context.evidence.sentinels.map((sentinel) => reachable(sentinel, context)),
    ...epochs(context),
    ...context.evidence.sentinels.flatMap((sentinel) => [
      ...namesMaster(sentinel, context),
      ...quorum(sentinel, context),
      ...peers(sentinel, context),
      ...replicas(sentinel, context),
      ...settings(sentinel, context),
    ]),
  ];
}

function reachable({ node, answer, error }: SentinelEvidence, context: Context): Finding {
  const { expectation, start, repair } = context;
  const blind = watchesNothing(error);
  const message = answer
    ? `the Sentinel of ${node.name} answers`
    : blind
      ? `the Sentinel of ${node.name} does not watch ${expectation.inventory.masterName} (${error}): its state was lost`
      : `the Sentinel of ${node.name} does not answer: ${error}`;
  return finding("sentinel-reachable", node, answer !== undefined, message, blind ? repair : start(node));
}

function epochs({ evidence, expectation, repair }: Context): Finding[] {
  const known = evidence.sentinels.flatMap(({ node, answer }) => (answer ? [{ node, answer }] : []));
  if (known.length === 0) return [];
  const equal = new Set(known.map(({ answer }) => answer.state.configEpoch)).size === 1;
  const [highest] = [...known].sort((a, b) => b.answer.state.configEpoch - a.answer.state.configEpoch);
  const overruling = highest && nameOf(highest.answer.state.master, expectation.inventory.nodes);
  const list = known.map(({ node, answer }) => `${node.name} ${answer.state.configEpoch}`).join(", ");
  return [
    finding(
      "sentinel-epochs",
      null,
      equal,
      equal
        ? `all Sentinels have epoch ${known[0]?.answer.state.configEpoch}`
        : `the Sentinels' epochs differ (${list}): that of ${highest?.node.name}, which names ${overruling}, will overrule the others`,
      `if it stays so for 5 s: ${repair}`,
    ),
  ];
}

function namesMaster({ node, answer }: SentinelEvidence, context: Context): Finding[] {
  if (!answer) return [];
  const { master, repair, expectation, evidence } = context;
  const { state } = answer;
  const its = evidence.redis.find((each) => sameEndpoint(redisEndpoint(each.node), state.master))?.answer?.state;
  const replica = its?.role === "replica" ? ", which is a replica" : "";
  const named = nameOf(state.master, expectation.inventory.nodes);
  const right = master !== undefined && sameEndpoint(state.master, redisEndpoint(master));
  return [
    finding(
      "sentinel-names-master",
      node,
      right,
      `the Sentinel of ${node.name} names ${named}${right ? "" : replica}${right ? "" : master ? `, not ${master.name}` : ", and no quorum agrees"}`,
      repair,
    ),
    finding(
      "sentinel-flags",
      node,
      state.flags === "master",
      `the Sentinel of ${node.name} sees ${named} as "${state.flags}"`,
      `wait for the failover (npx redis-ha verify --env ${expectation.environment} --wait 30), then: ${repair}`,
    ),
  ];
}

function quorum({ node, answer }: SentinelEvidence, { evidence, expectation, converge }: Context): Finding[] {
  if (!answer) return [];
  const error = answer.quorumError;
  const allAnswer = evidence.sentinels.every((each) => each.answer);
  return [
    finding(
      "sentinel-ckquorum",
      node,
      error === undefined,
      error === undefined
        ? `the Sentinel of ${node.name} can authorize a failover`
        : `the Sentinel of ${node.name} cannot: ${error}`,
      allAnswer
        ? `wait: npx redis-ha verify --env ${expectation.environment} --wait 30 (it sees again who is up within seconds)`
        : `bring the other Sentinels up: ${converge}`,
    ),
  ];
}

function peers(sentinel: SentinelEvidence, context: Context): Finding[] {
  const { evidence, expectation } = context;
  const nodes = expectation.inventory.nodes.filter((each) => each.sentinelPort !== undefined);
  const answering = new Set(evidence.sentinels.filter(({ answer }) => answer).map(({ node }) => node.name));
  const expected = nodes
    .filter((each) => each.name !== sentinel.node.name)
    .map((each) => ({ name: each.name, answers: answering.has(each.name), ...sentinelEndpoint(each) }));
  return known("sentinel-peers", sentinel, expected, sentinel.answer?.state.sentinels, "Sentinel", context);
}

function replicas(sentinel: SentinelEvidence, context: Context): Finding[] {
  const { evidence, expectation } = context;
  const named = sentinel.answer?.state.master;
  const answering = new Set(evidence.redis.filter(({ answer }) => answer).map(({ node }) => node.name));
  const expected = expectation.inventory.nodes
    // Replicas as this Sentinel must see them: all but the master it names. That it names the right one is another check.
    .filter((each) => each.redisPort !== undefined && !sameEndpoint(redisEndpoint(each), named))
    .map((each) => ({ name: each.name, answers: answering.has(each.name), ...redisEndpoint(each) }));
  return known("sentinel-replicas", sentinel, expected, sentinel.answer?.state.replicas, "replica", context);
}

/** Compares whom a Sentinel knows with whom it should know. */
function known(
  id: CheckId,
  { node }: SentinelEvidence,
  expected: readonly (Endpoint & { name: string; answers: boolean })[],
  actual: readonly (Endpoint & { flags: string })[] | undefined,
  what: string,
  { converge, repair }: Context,
): Finding[] {
  if (!actual) return [];
  const ghosts = actual.filter((each) => !expected.some((wanted) => sameEndpoint(wanted, each)));
  const missing = expected.filter((wanted) => !actual.some((each) => sameEndpoint(wanted, each)));
  // One that does not answer us either is reported as such; here counts what this Sentinel alone cannot reach.
  // "disconnected" alone passes within a second, or becomes s_down.
  const unwell = expected.flatMap((wanted) => {
    const flags = actual.find((each) => sameEndpoint(wanted, each))?.flags ?? "";
    return wanted.answers && flags.split(",").includes("s_down") ? [`sees ${wanted.name} as "${flags}"`] : [];
  });
  const wrong = [
    ...ghosts.map(
      (each) =>
        `still knows ${each.address}:${each.port}, a ${what} that the topology does not have (a zone that was removed before it was empty? Put it back with nodes: [], and apply)`,
    ),
    ...missing.map((each) => `does not know the ${what} ${each.name}`),
    ...unwell,
  ];
  return [
    finding(
      id,
      node,
      wrong.length === 0,
      wrong.length === 0
        ? `the Sentinel of ${node.name} knows ${expected.map(({ name }) => name).join(" and ") || `no ${what}`}`
        : `the Sentinel of ${node.name} ${wrong.join("; ")}`,
      ghosts.length > 0
        ? repair
        : missing.length === 0
          ? converge
          : `wait 15 s, a Sentinel learns of others every 2 to 10 s; then: ${converge}`,
    ),
  ];
}

function settings({ node, answer }: SentinelEvidence, { expectation, converge }: Context): Finding[] {
  const spec = expectation.specs.get(node.name)?.spec;
  const file = spec?.files["sentinel.conf"];
  if (!answer || !spec || file === undefined) return [];
  const wanted = parseSentinelFile(file).masters.get(spec.masterName);
  const { state } = answer;
  const compared: [string, number | undefined, number][] = [
    ["quorum", spec.quorum, state.quorum],
    ["down-after-milliseconds", numberOf(wanted, "down-after-milliseconds"), state.downAfterMs],
    ["failover-timeout", numberOf(wanted, "failover-timeout"), state.failoverTimeoutMs],
    ["parallel-syncs", numberOf(wanted, "parallel-syncs"), state.parallelSyncs],
  ];
  const wrong = compared.filter(([, value, running]) => value !== undefined && value !== running);
  return [
    finding(
      "sentinel-settings",
      node,
      wrong.length === 0,
      wrong.length === 0
        ? `the Sentinel of ${node.name} has the applied quorum and timings`
        : `the Sentinel of ${node.name}: ${wrong.map(([key, value, running]) => `${key} is ${running}, applied is ${value}`).join("; ")}`,
      converge,
    ),
  ];
}

const numberOf = (settings: ReadonlyMap<string, string> | undefined, key: string): number | undefined => {
  const value = settings?.get(key);
  return value === undefined ? undefined : Number(value);
};
