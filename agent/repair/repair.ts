import { setTimeout as delay } from "node:timers/promises";
import { troubles, viewOf } from "../../cluster/view.ts";
import { roleClaims } from "../claims.ts";
import { type ClusterContext, withCluster } from "../operations.ts";
import { HOW_TO_DECIDE } from "../role.ts";
import { ownNode, type Session } from "../session.ts";
import { judge, type Situation, type Verdict } from "./judge.ts";
import { type RepairFacts, repairSteps, type Step } from "./steps.ts";

/** Each node needs three at most, and each step is tried once. */
const MOST_STEPS = 40;
/** Links of replicas and of Sentinels come back within a few seconds; a full copy of much data may take longer. */
const SETTLE_TIMEOUT_MS = 15_000;

export interface RepairReport {
  /** What was done, in words, in the order in which it was done. */
  readonly done: readonly string[];
  /** What could not be mended, and what else is wrong; empty when the cluster is well. */
  readonly left: readonly string[];
}

/**
 * Mends lost and wrong state of a cluster, one step at a time, looking again after each. Touches nothing that is right,
 * loses no data, and never resets a Sentinel. Can be killed at any step and run again.
 * @throws Locked when somebody else changes the cluster and does not end
 */
export async function repair(context: ClusterContext): Promise<RepairReport> {
  const first = await pass(context);
  if (first.locked || first.done.length === 0) return first;
  // The Sentinels that were started give the right to do the rest.
  const second = await pass(context);
  return { done: [...first.done, ...second.done], left: second.left };
}

function pass(context: ClusterContext): Promise<RepairReport & { locked: boolean }> {
  const use = async (session: Session): Promise<RepairReport & { locked: boolean }> => {
    const done: string[] = [];
    const failed: string[] = [];
    const tried = new Set<string>();
    for (let count = 0; count < MOST_STEPS; count++) {
      const step = await nextStep(await look(session, tried));
      if (!step) break;
      tried.add(step.key);
      try {
        await step.run();
        done.push(step.what);
        context.report(step.what);
      } catch (error) {
        failed.push((error as Error).message);
      }
    }
    const left = await leftOver(context, session);
    return { done, left: [...left, ...failed], locked: session.lock !== undefined };
  };
  return withCluster(context, "repair", use, false);
}

async function look(session: Session, tried: ReadonlySet<string>): Promise<RepairFacts> {
  const { links, folder } = session;
  const [servers, sentinels] = await Promise.all([links.askServers(), links.askSentinels()]);
  const situation: Situation = {
    group: links.group,
    servers,
    sentinels,
    claims: roleClaims(servers, folder),
    own: ownNode(session),
  };
  return { session, situation, verdict: judge(situation), tried };
}

async function nextStep(facts: RepairFacts): Promise<Step | undefined> {
  for (const find of repairSteps) {
    const step = await find(facts);
    if (step && !facts.tried.has(step.key)) return step;
  }
  return undefined;
}

/** What is still wrong after what settles by itself was waited for. */
async function leftOver({ environment, inventory }: ClusterContext, session: Session): Promise<string[]> {
  const { links } = session;
  const deadline = performance.now() + (session.lock ? SETTLE_TIMEOUT_MS : 0);
  for (;;) {
    const { situation, verdict } = await look(session, new Set());
    const view = viewOf(environment, inventory, situation.servers, situation.sentinels);
    const open = undecided(verdict);
    const left = [...open, ...troubles(view)];
    if (!session.lock) {
      left.unshift(
        `fewer than a majority of the ${links.sentinels.length} Sentinels answer; bring the nodes up, then run this again`,
      );
    }
    if (left.length === 0 || open.length > 0 || performance.now() >= deadline) return left;
    await delay(250);
  }
}

function undecided(verdict: Verdict): string[] {
  if ("unknown" in verdict) return [`${verdict.unknown}: nobody can know whose data is the newest. ${HOW_TO_DECIDE}`];
  return verdict.rivals
    .filter(({ mayHoldMore }) => mayHoldMore)
    .map(
      ({ node }) =>
        `${node.name} says that it is master beside ${verdict.master.name}, and may hold writes that ${verdict.master.name} ` +
        `lacks, so it was left alone. ${HOW_TO_DECIDE}`,
    );
}
