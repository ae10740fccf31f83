import { setTimeout as delay } from "node:timers/promises";
import { type ConvergeResult, convergeEnvironment } from "../agent/converge.ts";
import { convergeOnHosts } from "../remote/converge.ts";
import { openStore } from "../secrets/open-store.ts";
import { passwordOf } from "../secrets/passwords.ts";
import { beginRotation, finishRotation, replacePasswords, rotationStage } from "../secrets/rotation.ts";
import type { Choice } from "./choice.ts";
import { colours, print, printJson, progress } from "./output.ts";

/** What `redis-ha secrets rotate --json` prints: a contract, described in docs/json.md. */
export interface RotateDocument {
  readonly version: 1;
  readonly environment: string;
  /** `waiting`: the previous passwords are still right. `none`: only the present ones are. */
  readonly stage: "none" | "begun" | "waiting";
  readonly problems: readonly string[];
}

/** Every node has to be told; one that is just being replaced as master is soon there again. */
const ATTEMPTS = 4;
const PAUSE_MS = 3000;

/**
 * Replaces all passwords while everything runs. Where it was interrupted, it goes on.
 * @param options.finish take only the present ones from now on
 * @returns 0 when that is done, 1 when a node could not be told; run again, it goes on there
 */
export async function rotate(choice: Choice, options: { finish: boolean; json: boolean }): Promise<number> {
  const { environment, inventory } = choice.chosen;
  const store = await openStore(choice.chosen, choice.root);
  const problems: string[] = [];
  const tell = async (what: string): Promise<boolean> => {
    progress(what);
    for (let left = ATTEMPTS; ;) {
      const { problems: found } = await converge(choice);
      if (found.length === 0) return true;
      if (--left === 0) return problems.push(...found) === 0;
      // A failover that is under way is over by then.
      progress(`again in ${PAUSE_MS / 1000} s: not every node could be told`);
      await delay(PAUSE_MS);
    }
  };
  const before = await rotationStage(store);
  if (!(await store.list()).includes(passwordOf("admin"))) {
    problems.push(`${store.describe()} has no passwords to replace; those of ${environment} are where it was applied`);
  } else if (options.finish && before === "begun") {
    problems.push("the next passwords are not everywhere yet; run it without --finish first");
  } else if (options.finish) {
    // Killed half-way, or where a node could not be told, a node may say the previous ones still.
    if (await tell("every node says the present passwords")) await finishRotation(store);
    if (problems.length === 0) await tell(`${inventory.nodes.length} nodes take only the present passwords`);
  } else {
    if (before !== "waiting") {
      await beginRotation(store);
      if (await tell("every node takes the next passwords, too")) await replacePasswords(store);
    }
    if (problems.length === 0) await tell("every node says the next passwords");
  }
  const stage = await rotationStage(store);
  if (options.json) printJson({ version: 1, environment, stage, problems } satisfies RotateDocument);
  else print(rotateText(environment, stage, problems));
  return problems.length === 0 ? 0 : 1;
}

const converge = ({ chosen, root, hosts }: Choice): Promise<ConvergeResult> => {
  const how = { root, zone: undefined, afterApply: false, report: progress };
  const { environment, inventory } = chosen;
  return hosts
    ? convergeOnHosts(hosts, how)
    : convergeEnvironment({ environment, inventory, root, afterApply: false, report: progress });
};

function rotateText(environment: string, stage: RotateDocument["stage"], problems: readonly string[]): string {
  if (problems.length > 0) {
    const again = "nothing that runs was harmed; mend that, and run it again: it goes on where it stopped";
    return [...problems.map((problem) => `- ${problem}`), colours.red(`${environment}: ${again}`)].join("\n");
  }
  if (stage === "none") return colours.green(`${environment}: only the present passwords are right`);
  return (
    `${colours.green(`${environment}: all passwords are replaced, and the previous ones are still right`)}\n` +
    `Give your clients the new ones (npx redis-ha secrets show users/app --env ${environment}), then:\n` +
    `npx redis-ha secrets rotate --finish --env ${environment}`
  );
}
