import { FENCE, highestEpoch, redisEndpoint, sameEndpoint, watchesNothing } from "../../cluster/answers.ts";
import { agreement } from "../../cluster/links.ts";
import { parseSentinelFile } from "../../topology/config-file.ts";
import { onHost } from "../../topology/host-places.ts";
import type { NodeSpec } from "../../topology/node-spec.ts";
import type { TopologyNode } from "../../topology/topology.ts";
import { ensureAgent, agentStatus } from "../agent-process.ts";
import { forgetGhosts } from "../apply-sentinel.ts";
import { withNodeLock } from "../apply.ts";
import { askAgent } from "../control.ts";
import { confirmMaster } from "../fence.ts";
import { follow } from "../follow.ts";
import { announce } from "../handover/announce.ts";
import { settleEpoch } from "../handover/handover.ts";
import { isUnderWay, type MonitorSettings, readJournal, siblingFolder } from "../handover/journal.ts";
import { resumeHandOvers } from "../handover/resume.ts";
import { ghosts } from "../live.ts";
import { appliedMinReplicas, runningMinReplicas } from "../min-replicas.ts";
import { appliedSpec, type NodeFolder } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import { failOnError } from "../restart.ts";
import { inFailover } from "../role.ts";
import { retiredNodes, type Session } from "../session.ts";
import type { Situation, Verdict } from "./judge.ts";

/** Sentinels need 4 s for a failover, and some more when the first attempt fails. */
const FAILOVER_TIMEOUT_MS = 20_000;
/** Sentinels tell each other every 2 s: epochs that still differ after this stay different. */
const EPOCHS_TIMEOUT_MS = 5000;

export interface RepairFacts {
  readonly session: Session;
  readonly situation: Situation;
  readonly verdict: Verdict;
  /** What was tried once and did not help is not tried again: keys of steps. */
  readonly tried: ReadonlySet<string>;
}

/** One thing that is wrong and how it is mended. */
export interface Step {
  /** The same for the same cause, so that it is tried once. */
  readonly key: string;
  /** What is done, in words. */
  readonly what: string;
  readonly run: () => Promise<void>;
}

export type FindStep = (facts: RepairFacts) => Step | undefined | Promise<Step | undefined>;

/**
 * In this order, since each needs those before it. Those that work on a node by its folder do so where that is: on
 * hosts, each mends its own.
 */
export const repairSteps: readonly FindStep[] = [
  bringUp,
  letFailoverEnd,
  endHandOver,
  tellAll,
  retell,
  evenEpochs,
  point,
  forget,
  unfence,
];

const folderOf = ({ session }: RepairFacts, node: string): NodeFolder => siblingFolder(session.folder, node);

const masterOf = ({ verdict }: RepairFacts): TopologyNode | undefined =>
  "master" in verdict ? verdict.master : undefined;

/** Starts the agent and the servers of a node that was applied here and is down. One that hangs is not down. */
async function bringUp(facts: RepairFacts): Promise<Step | undefined> {
  const { session, situation } = facts;
  const { links } = session;
  const retired = retiredNodes(session);
  for (const { name } of situation.group.nodes) {
    const folder = folderOf(facts, name);
    const spec = appliedSpec(folder);
    const key = `up ${name}`;
    if (!spec || retired.includes(name) || facts.tried.has(key)) continue;
    const down = [...links.servers, ...links.sentinels].some((it) => it.node.name === name && it.connection.refused);
    if (!down && (await agentStatus(folder))) continue;
    return {
      key,
      what: `${name}: agent and servers started`,
      run: () =>
        withNodeLock(spec, folder, async () => {
          await ensureAgent(folder, [], onHost(spec));
          failOnError(name, await askAgent(folder.socket, { do: "ensure" }));
        }),
    };
  }
  return undefined;
}

/** What the Sentinels have begun is theirs to end. */
function letFailoverEnd({ session, situation }: RepairFacts): Step | undefined {
  if (!inFailover(situation.sentinels)) return undefined;
  const ended = async (): Promise<true | undefined> =>
    inFailover(await session.links.askSentinels()) ? undefined : true;
  return {
    key: "failover",
    what: "waited for the Sentinels' failover",
    // One that does not end is shown by what it leaves wrong.
    run: () =>
      waitFor("the Sentinels' failover ends", ended, FAILOVER_TIMEOUT_MS, 100).then(
        () => undefined,
        () => undefined,
      ),
  };
}

function endHandOver(facts: RepairFacts): Step | undefined {
  const { links, lock, folder, report } = facts.session;
  const open = links.servers.find(({ node }) => {
    const journal = readJournal(folderOf(facts, node.name));
    return journal !== undefined && !isUnderWay(journal);
  });
  if (!lock || !open) return undefined;
  return {
    key: "hand-over",
    what: `the hand-over that ${open.node.name} was interrupted in has ended`,
    run: async () => (await resumeHandOvers(links, lock, folder)).forEach(report),
  };
}

/** No majority names the master: every Sentinel is told, and gets an epoch above all. */
function tellAll(facts: RepairFacts): Step | undefined {
  const { session, situation } = facts;
  const master = masterOf(facts);
  const { lock, links } = session;
  if (!master || !lock) return undefined;
  const right = situation.sentinels.filter(({ state }) => sameEndpoint(state?.master, redisEndpoint(master)));
  if (right.length >= agreement(situation.group)) return undefined;
  return {
    key: "tell",
    what: `every Sentinel was told that ${master.name} is master`,
    run: async () => {
      await lock.hold();
      await announce(links, master, settingsFrom(session.spec));
      await settle(facts, master);
    },
  };
}

/** A Sentinel with a view of its own is started again: its prestart step takes the others' view. */
function retell(facts: RepairFacts): Step | undefined {
  const { session, situation } = facts;
  const master = masterOf(facts);
  if (!master) return undefined;
  const wrong = situation.sentinels.find(({ node, state, error }) =>
    facts.tried.has(`retell ${node.name}`) || !appliedSpec(folderOf(facts, node.name))
      ? false
      : state
        ? !sameEndpoint(state.master, redisEndpoint(master))
        : watchesNothing(error),
  );
  if (!wrong) return undefined;
  const { name } = wrong.node;
  return {
    key: `retell ${name}`,
    what: `the Sentinel of ${name} was restarted, and names ${master.name} again`,
    run: async () => {
      await session.lock?.hold();
      const { socket } = folderOf(facts, name);
      // It wrote nothing down of a master that it was made to forget, and of another one it writes what its peers say.
      failOnError(name, await askAgent(socket, { do: "restart", server: "sentinel" }));
      await settle(facts, master);
    },
  };
}

/** Epochs that differ even themselves, from Sentinel to Sentinel, within 2 s. Otherwise all get a new one. */
function evenEpochs(facts: RepairFacts): Step | undefined {
  const { session, situation } = facts;
  const master = masterOf(facts);
  if (!master || !session.lock || evenEpoch(situation.sentinels)) return undefined;
  return {
    key: "epochs",
    what: "the Sentinels have one epoch again",
    run: async () => {
      const even = async (): Promise<true | undefined> => evenEpoch(await session.links.askSentinels()) || undefined;
      await waitFor("the epochs are equal", even, EPOCHS_TIMEOUT_MS, 200).catch(() => settle(facts, master));
    },
  };
}

const evenEpoch = (sentinels: Situation["sentinels"]): boolean =>
  new Set(sentinels.flatMap(({ state }) => state?.configEpoch ?? [])).size <= 1;

/** Replicas of the wrong node, and second masters that have nothing of their own, follow the master. */
function point(facts: RepairFacts): Step | undefined {
  const { verdict, situation } = facts;
  if (!("master" in verdict)) return undefined;
  const { master, rivals } = verdict;
  const wrong = situation.servers.find(({ node, state }) => {
    if (!state || node.name === master.name || facts.tried.has(`point ${node.name}`)) return false;
    if (state.role === "replica") return !sameEndpoint(state.master, redisEndpoint(master));
    return rivals.some((rival) => rival.node.name === node.name && !rival.mayHoldMore);
  });
  if (!wrong) return undefined;
  const { name } = wrong.node;
  return {
    key: `point ${name}`,
    what: `${name} follows ${master.name} again`,
    run: () => follow(wrong.node, master),
  };
}

/** A Sentinel that counts nodes that are gone is started again: its prestart step forgets them. */
async function forget(facts: RepairFacts): Promise<Step | undefined> {
  const { session, situation } = facts;
  if (!session.lock || !masterOf(facts)) return undefined;
  for (const { node } of situation.sentinels) {
    const folder = folderOf(facts, node.name);
    const spec = appliedSpec(folder);
    const key = `forget ${node.name}`;
    if (!spec || facts.tried.has(key)) continue;
    const gone = await ghosts(spec);
    if (gone.length === 0) continue;
    return {
      key,
      what: `the Sentinel of ${node.name} ${gone.join(", ")}`,
      run: () =>
        withNodeLock(spec, folder, async () => {
          await forgetGhosts({ ...session, spec, folder });
        }),
    };
  }
  return undefined;
}

/** A fence, or a rule of an agent that saw no majority, that nobody has lifted. */
async function unfence(facts: RepairFacts): Promise<Step | undefined> {
  const { session, situation } = facts;
  if (!session.lock || !masterOf(facts)) return undefined;
  for (const { node, state } of situation.servers) {
    const folder = folderOf(facts, node.name);
    const spec = appliedSpec(folder);
    const key = `unfence ${node.name}`;
    if (!spec || !state || state.loading || facts.tried.has(key)) continue;
    const wanted = appliedMinReplicas(spec);
    const running = await session.links.server(node.name, runningMinReplicas);
    if (running !== FENCE && Number(running) <= Number(wanted)) continue;
    return {
      key,
      what: `${node.name} takes writes with ${wanted} replicas in step again (it asked for ${running})`,
      run: async () => {
        const settled = await confirmMaster(spec, folder, session.report);
        if (!settled) throw new Error(`${node.name} stays fenced: the Sentinels do not confirm it as the only master`);
      },
    };
  }
  return undefined;
}

/** Gives the group an epoch above all, so that no Sentinel with an old view can overrule the others. */
async function settle(facts: RepairFacts, master: TopologyNode): Promise<void> {
  const { links, lock, folder } = facts.session;
  if (!lock) return;
  const now = await links.askSentinels();
  await settleEpoch({
    links,
    lock,
    folder,
    from: master.name,
    to: master,
    epoch: highestEpoch([...now, ...facts.situation.sentinels]),
  });
}

/** What a Sentinel is told of a master beside its address: what sentinel.conf says. */
function settingsFrom({ files, masterName, quorum }: NodeSpec): MonitorSettings {
  const wanted = parseSentinelFile(files["sentinel.conf"] ?? "").masters.get(masterName);
  const number = (key: string, otherwise: number): number => Number(wanted?.get(key) ?? otherwise);
  return {
    quorum,
    downAfterMs: number("down-after-milliseconds", 2000),
    failoverTimeoutMs: number("failover-timeout", 10_000),
    parallelSyncs: number("parallel-syncs", 1),
  };
}
