import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { redisEndpoint, sentinelEndpoint } from "../cluster/answers.ts";
import { Unreachable, withConnection } from "../cluster/connection.ts";
import { passwordHash } from "../secrets/passwords.ts";
import { onHost } from "../topology/host-places.ts";
import { type NodeSecrets, ownUsers } from "../topology/node-secrets.ts";
import { allNodes, type NodeSpec } from "../topology/node-spec.ts";
import { hasSentinel, isData, type TopologyNode } from "../topology/topology.ts";
import { stackPatterns } from "./not-applied.ts";
import { speakWith } from "./secrets.ts";

const LOOK_AGAIN = { times: 3, pauseMs: 500 };

/**
 * Makes sure that nobody who runs would be shut out, or shut us out, if the node got this share, and that none of them has
 * newer ones: a node's passwords change only when everybody takes the new ones.
 * @param former what the node has
 * @throws naming what does not fit; nothing was changed
 */
export async function refuseOtherSecrets(
  spec: NodeSpec,
  former: NodeSecrets | undefined,
  share: NodeSecrets,
): Promise<void> {
  if (former && !isOther(former, share)) return;
  let problem = await look(spec, former, share);
  // One that was just being restarted is no proof.
  for (let again = 0; problem?.mayPass && again < LOOK_AGAIN.times; again++) {
    await delay(LOOK_AGAIN.pauseMs);
    problem = await look(spec, former, share);
  }
  if (problem) throw new Error(`${spec.node.name}: ${problem.message}`);
}

/** A certificate alone is for its node to change, as others look at who has signed it. */
const isOther = (former: NodeSecrets, share: NodeSecrets): boolean =>
  !isDeepStrictEqual(
    [former.passwords, former.hashes, former.tls?.authority],
    [share.passwords, share.hashes, share.tls?.authority],
  );

interface Asked {
  readonly server: string;
  readonly node: TopologyNode;
  /** Undefined where we were let in. */
  readonly before: Error | undefined | "not asked";
  readonly after: Error | undefined;
}

interface Problem {
  readonly message: string;
  readonly mayPass: boolean;
}

/** @returns why the node must not get this share; undefined when it may */
async function look(spec: NodeSpec, former: NodeSecrets | undefined, share: NodeSecrets): Promise<Problem | undefined> {
  const asked = await ask(allNodes(spec), former, share);
  const knowTheFormer = asked.filter(({ before }) => before === undefined);
  const [one] = knowTheFormer;
  if (former && one && share.revision < former.revision) {
    const message =
      `the environment's store has the secrets of revision ${share.revision}, and the node has those of revision ` +
      `${former.revision}, which ${one.server} takes. Nothing was changed. They were replaced meanwhile: apply again. If it ` +
      `is the same then, another computer has replaced them: bring its store here (docs/security.md). If that one is lost: ${stopAndApply(spec)}`;
    return { message, mayPass: false };
  }
  const speaksFormer = knowTheFormer.find(({ node }) => node.name !== spec.node.name);
  if (
    former &&
    speaksFormer &&
    ownUsers.some((user) => !share.hashes[user].includes(passwordHash(former.passwords[user])))
  ) {
    const message =
      `${speaksFormer.server} takes a password that the node would not take any more with what the environment's store has, ` +
      `and may say it. Nothing was changed. Another computer has replaced the passwords: bring its store here (docs/security.md). If that one is lost: ${stopAndApply(spec)}`;
    return { message, mayPass: false };
  }
  const expired = asked.find(
    ({ node, after }) => node.name !== spec.node.name && after instanceof Unreachable && after.expired,
  );
  if (expired) {
    const message =
      `${expired.server} shows a certificate that has expired, and nobody can ask it whether it takes the new secrets. ` +
      `Nothing was changed. First: npx redis-ha converge --env ${spec.environment}`;
    return { message, mayPass: false };
  }
  const shutOut = asked.find(
    ({ before, after }) => after && (before === undefined || (after instanceof Unreachable && after.notLetIn)),
  );
  if (!shutOut) return undefined;
  const message =
    `${shutOut.server} runs, and would not know it with what the environment's store has. Nothing was changed. If another ` +
    `computer made its secrets, bring them here (docs/security.md). If they are lost, TLS was switched on or off, or an ` +
    `earlier version of this project without users has started it: ${stopAndApply(spec)}`;
  return { message, mayPass: true };
}

/** Every server and Sentinel, with the former share and with this one. */
async function ask(
  nodes: readonly TopologyNode[],
  former: NodeSecrets | undefined,
  share: NodeSecrets,
): Promise<Asked[]> {
  const servers = [
    ...nodes.filter(isData).map((node) => ({ server: `redis-server of ${node.name}`, node, at: redisEndpoint(node) })),
    ...nodes
      .filter(hasSentinel)
      .map((node) => ({ server: `the Sentinel of ${node.name}`, node, at: sentinelEndpoint(node) })),
  ];
  const answers = async (secrets: NodeSecrets): Promise<(Error | undefined)[]> => {
    speakWith(nodes, secrets);
    const pings = servers.map(({ at }) =>
      withConnection(at, (redis) => redis.ping()).then(
        () => undefined,
        (error: Error) => error,
      ),
    );
    return Promise.all(pings);
  };
  const before = former && (await answers(former));
  const after = await answers(share);
  return servers.map(({ server, node, at }, index) => ({
    server: `${server} (${at.address}:${at.port})`,
    node,
    before: before ? before[index] : "not asked",
    after: after[index],
  }));
}

const stopAndApply = (spec: NodeSpec): string => {
  const stop = onHost(spec)
    ? `npx cdktf destroy ${stackPatterns(spec.environment, spec.target)}`
    : `npm stop ${spec.environment}`;
  return `stop all nodes (${stop}) and apply again; the data stays`;
};
