import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { NodeSpec } from "../../topology/node-spec.ts";
import { askAgent, NoAgent } from "../control.ts";
import { appliedSpec, type NodeFolder } from "../node-folder.ts";
import { waitFor } from "../processes.ts";
import type { ServerName } from "../server.ts";
import type { Report } from "../session.ts";

/** The units are enabled before the first apply has brought the node's spec. */
const FIRST_APPLY_MS = 60_000;
/** The agent has waited for the spec as well, and listens a moment later. */
const AGENT_MS = 500;
/** systemd starts again at once what did not start; whoever waits for a decision need not ask ten times a second. */
const PAUSE_MS = 1000;

/**
 * The step before systemd starts a server: by the agent, which may be at work on the end of the process before; where
 * there is none, by itself.
 * @throws when it must not start now, after a pause
 */
export async function prestartHook(name: ServerName, folder: NodeFolder, report: Report): Promise<void> {
  const isFirst = appliedSpec(folder) === undefined;
  const spec = await untilApplied(folder);
  if (isFirst) {
    const listens = (): true | undefined => fs.existsSync(folder.socket) || undefined;
    await waitFor("the agent listens", listens, AGENT_MS, 10).catch(() => undefined);
  }
  try {
    const { error } = await askAgent(folder.socket, { do: "prepare", server: name });
    if (error !== undefined) throw new Error(error);
  } catch (error) {
    if (error instanceof NoAgent) {
      report(`the agent does not run; ${name} is prepared without it`);
      const { prepareAlone } = await import("./prepare-alone.ts");
      return prepareAlone(name, spec, folder, report).catch(async (failure: Error) => {
        await delay(PAUSE_MS);
        throw failure;
      });
    }
    await delay(PAUSE_MS);
    throw error;
  }
}

export const untilApplied = (folder: NodeFolder): Promise<NodeSpec> =>
  waitFor(`${folder.spec} is there`, () => appliedSpec(folder), FIRST_APPLY_MS, 100);
