import { setTimeout as delay } from "node:timers/promises";
import { openStore } from "../secrets/open-store.ts";
import { passwordOf } from "../secrets/passwords.ts";
import { type Rotation, rotationsUnderWay, type Stage, stageOf, stepsOf, type UnderWay } from "../secrets/rotations.ts";
import type { InventoryEnvironment } from "../topology/inventory.ts";
import type { Choice } from "./choice.ts";
import type { Chosen } from "./environment-choice.ts";
import { convergeNodes } from "./converge.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha secrets rotate --json` prints: a contract, described in docs/json.md. */
export interface RotateDocument {
  readonly version: 1;
  readonly environment: string;
  readonly what: Rotation;
  /** `waiting`: the previous ones are right as well. `none`: only the present ones are. */
  readonly stage: Stage;
  readonly problems: readonly string[];
}

/** What of an environment's secrets is being replaced. */
export const underWay = async (chosen: Chosen, root: string): Promise<readonly UnderWay[]> =>
  rotationsUnderWay(await openStore(chosen, root));

/** Every node has to be told; one that is just being replaced as master is soon there again. */
const ATTEMPTS = 4;
const PAUSE_MS = 3000;

/**
 * Replaces passwords, certificates or the authority while everything runs. Where it was interrupted, it goes on.
 * @param options.finish let only the present ones be right from now on
 * @returns 0 when that is done, 1 when a node could not be told; run again, it goes on there
 */
export async function rotate(
  choice: Choice,
  what: Rotation,
  options: { finish: boolean; json: boolean },
): Promise<number> {
  const { environment, inventory } = choice.chosen;
  const store = await openStore(choice.chosen, choice.root);
  const before = await stageOf(what, store);
  const known = (await store.list()).includes(passwordOf("admin"));
  const problems = known
    ? await replace()
    : [`${store.describe()} has nothing to replace; the secrets of ${environment} are where it was applied`];
  const stage = await stageOf(what, store);
  if (options.json) printJson({ version: 1, environment, what, stage, problems } satisfies RotateDocument);
  else print(rotateText({ environment, what, stage, problems }, before, inventory));
  return problems.length === 0 ? 0 : 1;

  async function replace(): Promise<readonly string[]> {
    try {
      for (const { change, then } of await stepsOf(what, store, inventory, options.finish)) {
        await change?.();
        const left = await tell(choice, then);
        if (left.length > 0) return left;
      }
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }
}

/** Brings every node what the store has. @returns what is in the way */
async function tell({ chosen, root, hosts }: Choice, then: string): Promise<readonly string[]> {
  progress(then);
  for (let left = ATTEMPTS; ;) {
    const how = { root, zone: undefined, afterApply: false, report: progress };
    const { problems } = await convergeNodes(chosen, hosts, how);
    if (problems.length === 0 || --left === 0) return problems;
    // A failover that is under way is over by then.
    progress(`again in ${PAUSE_MS / 1000} s: not every node could be told`);
    await delay(PAUSE_MS);
  }
}

const clientsNeed: Record<
  Exclude<Rotation, "certificates">,
  (environment: string, clientCertificates: boolean) => string
> = {
  passwords: (environment) =>
    `Give your clients the new passwords (npx redis-ha secrets show users/app --env ${environment}), then:\n` +
    `npx redis-ha secrets rotate --finish --env ${environment}`,
  authority: (environment, shown) =>
    `${shown ? `Give your clients their new certificate (npx redis-ha secrets show tls/client.crt, and tls/client.key), and let them` : "Let your clients"} believe both (npx redis-ha secrets authorities --env ${environment} prints them as one file), then:\n` +
    `npx redis-ha secrets rotate authority --finish --env ${environment}`,
};

function rotateText(
  { environment, what, stage, problems }: Omit<RotateDocument, "version">,
  before: Stage,
  inventory: Pick<InventoryEnvironment, "clientCertificates">,
): string {
  if (problems.length > 0) {
    const again = `nothing that runs was harmed; mend that, and run it again${what === "certificates" ? "" : ": it goes on where it stopped"}`;
    return [...problems.map((problem) => `- ${problem}`), colours.red(`${environment}: ${again}`)].join("\n");
  }
  if (what === "certificates") return colours.green(`${environment}: every node shows a new certificate`);
  if (stage === "none")
    return colours.green(
      `${environment}: only the present ${what} ${what === "authority" ? "is believed" : "are right"}`,
    );
  const both =
    what === "passwords"
      ? "all passwords are replaced, and the previous ones are still right"
      : "the next authority is believed beside the present one";
  const since = before === "waiting" ? " since the last time, so nothing was made anew" : "";
  return `${colours.green(`${environment}: ${both}${since}`)}\n${clientsNeed[what](environment, inventory.clientCertificates === true)}`;
}
